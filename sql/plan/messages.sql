-- The messages that one run queued.
-- Grain: one row per series, block, channel and whether guards hold it.
-- Reads: series.batches. Parameters: $as_of, the run's instant.
select
    series_id,
    block_id,
    channel,
    cast(sum(message_count) as bigint) as message_count,
    count(*) as batch_count,
    status = 'held' as is_held
from series.batches
where as_of = $as_of and channel <> 'tags'
group by series_id, block_id, channel, is_held
order by series_id, block_id, channel, is_held
