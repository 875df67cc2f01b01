-- Whose purchase between two instants changes their plan.
-- Grain: one row per customer. Reads: events. Parameters: since (not itself), until (UTC).
select distinct customer_id, 'Premium' as plan
from events
where name = 'purchase' and occurred_at > $since and occurred_at <= $until
