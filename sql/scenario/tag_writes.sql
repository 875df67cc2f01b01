-- What a test may say of tag writes.
-- Grain: one row per tag that a visit added or removed.
-- Reads: series.tag_writes, series.entries.
select entry.series_id, entry.customer_id, entry.entry_number, write.block_id, write.tag, write.action, write.as_of
from series.tag_writes as write
join series.entries as entry on entry.entry_id = write.entry_id
