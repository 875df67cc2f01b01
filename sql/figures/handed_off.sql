-- What was handed off since a moment of the wall clock.
-- Grain: one row per series of which anything was.
-- Reads: series.batches. Parameters: $since, the moment (UTC), included.
select series_id, count(*) as batch_count, sum(message_count) as message_count
from series.batches
where status = 'handed_off' and handed_off_at >= $since
group by series_id
order by series_id
