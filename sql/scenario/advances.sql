-- What a test may say of advances.
-- Grain: one row per move along one connection.
-- Reads: series.advances, series.entries.
select
    entry.series_id,
    entry.customer_id,
    entry.entry_number,
    advance.from_block,
    advance.to_block,
    advance.advanced_at,
    advance.as_of,
    advance.merged
from series.advances as advance
join series.entries as entry on entry.entry_id = advance.entry_id
