-- Who waits for a message that may not be sent now.
-- Grain: one row per series, block and reason.
-- Reads: series_state.open_visits.
select series_id, block_id, blocked_by, count(*) as customer_count
from series_state.open_visits
where blocked_by is not null
group by series_id, block_id, blocked_by
order by series_id, block_id, blocked_by
