-- What becomes of people by themselves, long ago or at any time to come.
-- Grain: one row per person and change. Reads: demo.people, events.
select appears_at as changes_at, 'appears' as change, customer_id
from demo.people
union all
select leaves_at as changes_at, 'leaves' as change, customer_id
from demo.people
where leaves_at is not null
union all
select occurred_at as changes_at, 'upgrades' as change, customer_id
from events
where name = 'purchase'
order by changes_at, change, customer_id
