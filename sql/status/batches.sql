-- Batches that have not reached their sender.
-- Grain: one row per series, sender and batch status; last_error is that of the batch tried most often.
-- Reads: series.batches.
select
    series_id,
    sender,
    status,
    count(*) as batch_count,
    sum(message_count) as message_count,
    min(as_of) as oldest_as_of,
    max(attempts) as attempts,
    arg_max(last_error, attempts) as last_error,
    min(next_attempt_at) as next_attempt_at
from series.batches
where status not in ('handed_off', 'dropped')
group by series_id, sender, status
order by series_id, sender, status
