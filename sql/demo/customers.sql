-- Who becomes a customer between two instants, as the company knows them.
-- Grain: one row per customer. Reads: demo.people. Parameters: since (not itself), until (UTC).
select
    customer_id,
    type,
    if(demo.draw(salt, 'says name') < 0.93, first_name, null) as first_name,
    if(demo.draw(salt, 'says email') < 0.97, lower(first_name) || '.' || customer_id || '@example.com', null) as email,
    plan,
    country,
    if(demo.draw(salt, 'says zone') < 0.95, zone, null) as timezone,
    appears_at as created_at,
    if(plan = 'Free', appears_at + interval 14 days, null) as trial_ends_at,
    demo.draw(salt, 'unsubscribed') < 0.04 as unsubscribed
from demo.people
where appears_at > $since and appears_at <= $until
