-- Who becomes a customer between two instants, as the company knows them.
-- Grain: one row per customer. Reads: demo.people. Parameters: since (not itself), until (UTC).
select
    customer_id,
    type,
    first_name,
    email,
    plan,
    country,
    if(says_zone, zone, null) as timezone,
    appears_at as created_at,
    if(plan = 'Free', appears_at + interval 14 days, null) as trial_ends_at,
    unsubscribed
from demo.people
where appears_at > $since and appears_at <= $until
