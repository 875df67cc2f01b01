-- The tag of those who give up their account between two instants.
-- Grain: one row per customer. Reads: demo.people. Parameters: since (not itself), until (UTC).
select customer_id, 'left' as tag
from demo.people
where leaves_at > $since and leaves_at <= $until and appears_at <= $until
