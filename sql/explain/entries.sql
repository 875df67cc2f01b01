-- The customer's entries, oldest first.
-- Grain: one entry.
-- Reads: explain_entries.
select
    series_id,
    entry_id,
    entry_number,
    arm,
    entered_at,
    status,
    ended_at,
    goal_at,
    goal_met_at_entry,
    entry_rules,
    goal_closed
from explain_entries
order by series_id, entry_number
