-- What one run did.
-- Grain: one row per series of the run.
-- Reads: series.ticks. Parameters: $as_of, the run's instant.
select
    series_id,
    entered,
    held_out,
    reopened,
    advanced,
    merged,
    waits_ended,
    tags_written,
    messages_queued,
    goals,
    ended,
    customers_missing
from series.ticks
where as_of = $as_of
order by series_id
