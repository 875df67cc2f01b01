-- Who waits where, and what holds them back.
-- Grain: one row per series, block and reason (null: nothing but time or a rule).
-- Reads: series.visits.
select series_id, block_id, blocked_by, count(*) as customer_count, min(arrived_at) as oldest_arrived_at
from series.visits
where left_at is null
group by series_id, block_id, blocked_by
order by series_id, block_id, blocked_by nulls first
