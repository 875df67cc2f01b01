-- Batches that have not reached their sender.
-- Grain: one row per series, sender and batch status, those that wait for customers apart; last_error is that of the
-- batch tried most often. Parameters: waits_for_customers, what is noted of a batch that does.
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
group by series_id, sender, status, coalesce(last_error = $waits_for_customers, false)
order by series_id, sender, status
