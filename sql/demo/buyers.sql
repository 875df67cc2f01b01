-- Who has bought, or will by themselves. Grain: one row per person. Reads: demo.people, events.
select customer_id
from demo.people
where plan = 'Premium'
union
select customer_id
from events
where name = 'purchase'
