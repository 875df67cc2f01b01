-- How many rows the tables have that a run adds to.
-- Grain: one row per table.
-- Reads: series.entries, series.advances, series.wait_expiries, series.tag_writes, series.batches.
select 'entries' as table_name, count(*) as row_count
from series.entries
union all
select 'advances' as table_name, count(*) as row_count
from series.advances
union all
select 'wait_expiries' as table_name, count(*) as row_count
from series.wait_expiries
union all
select 'tag_writes' as table_name, count(*) as row_count
from series.tag_writes
union all
select 'batches' as table_name, count(*) as row_count
from series.batches
