-- How many entries each series has had, and how many of them reached the goal.
-- Grain: one row per series and entry status that occurs.
-- Reads: series.entries.
select series_id, status, count(*) as entry_count, count(goal_at) as goal_count
from series.entries
group by series_id, status
