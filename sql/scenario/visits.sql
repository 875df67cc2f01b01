-- What a test may say of visits.
-- Grain: one row per block that an entry has reached.
-- Reads: series.visits, series.entries.
select
    entry.series_id,
    entry.customer_id,
    entry.entry_number,
    visit.block_id,
    visit.arrived_at,
    visit.left_at,
    visit.outcome,
    visit.deadline_at,
    visit.blocked_by
from series.visits as visit
join series.entries as entry on entry.entry_id = visit.entry_id
