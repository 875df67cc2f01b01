-- Tags that runs wrote in some time, and wrote last as one of some actions; at one instant `remove` wins.
-- Grain: one row per customer and tag. Reads: series.tag_writes.
-- Parameters: since, until (not itself; UTC); actions (add, remove or both).
select customer_id, tag
from series.tag_writes
where as_of >= $since and as_of < $until
group by customer_id, tag
having list_contains($actions, max_by(action, (as_of, action)))
