-- A small shop: ten customers, two of them Premium, one unsubscribed, one without an address.
create table customers as
select
    n as customer_id,
    'user' as type,
    'Customer ' || n as first_name,
    case when n <> 4 then 'c' || n || '@example.com' end as email,
    case when n < 2 then 'Premium' else 'Free' end as plan,
    n = 3 as unsubscribed
from range(10) as numbers(n);

create table engagements (message_id varchar, kind varchar, occurred_at timestamp, link varchar);
