-- What a test may say of entries.
-- Grain: one row per entry.
-- Reads: series.entries.
select
    series_id,
    customer_id,
    entry_number,
    arm,
    entered_at,
    status,
    ended_at,
    goal_at,
    goal_met_at_entry,
    attributes,
    goal_value,
    goal_event_at
from series.entries
