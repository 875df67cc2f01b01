-- Customers of one series who should have left their block by now, but for those who are not in the source.
-- Grain: one row per block that has any.
-- Reads: series.visits, source_customers. Parameters: $series_id; $instant, up to which deadlines have passed.
select visit.block_id, count(*) as visit_count, min(visit.deadline_at) as oldest_deadline_at
from series.visits as visit
join source_customers as customer on customer.customer_id = visit.customer_id
where visit.series_id = $series_id and visit.left_at is null and visit.deadline_at <= $instant
group by visit.block_id
order by visit.block_id
