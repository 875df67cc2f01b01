-- The batches that one run made.
-- Grain: one row per series that has any.
-- Reads: series.batches. Parameters: $as_of, the run's instant.
select series_id, count(*) as batch_count, sum(message_count) as message_count
from series.batches
where as_of = $as_of
group by series_id
order by series_id
