-- Sixty customers with companies, events and tags, all by arithmetic.
create schema crm;
create table crm.contacts as
select
    'c' || lpad(cast(n as varchar), 3, '0') as contact_id,
    case when n % 6 = 5 then 'lead' else 'user' end as type,
    case when n % 7 <> 0 then 'Customer ' || n end as first_name,
    case when n % 9 <> 0 then 'c' || n || '@example.com' end as email,
    case n % 4 when 0 then 'Premium' when 1 then 'Free' when 2 then 'Basic' end as plan,
    case n % 3 when 0 then 'America/New_York' when 1 then 'Nowhere/Else' end as timezone,
    n % 10 = 3 as unsubscribed,
    case when n % 5 = 1 then timestamp '2026-03-03 12:00:00' + interval 1 day * (n % 8) end as trial_ends_at
from range(60) as numbers(n);

create table companies as
select n as company_id, case when n % 2 = 0 then 'large' else 'small' end as tier
from range(8) as numbers(n);

create table customer_companies as
select 'c' || lpad(cast(n as varchar), 3, '0') as customer_id, n % 11 as company_id
from range(0, 60, 2) as numbers(n);

-- Zoned times, some of them in the future of the runs.
create table events as
select
    'c' || lpad(cast(n % 60 as varchar), 3, '0') as customer_id,
    case when n % 3 = 0 then 'purchase' else 'login' end as name,
    timestamptz '2026-02-20 05:30:00+02' + interval 3 hour * n as occurred_at,
    cast('{"amount": ' || n % 40 || '}' as json) as properties
from range(240) as numbers(n);

create table engagements (message_id varchar, kind varchar, occurred_at timestamptz, link varchar);

create table customer_tags as
select 'c' || lpad(cast(n as varchar), 3, '0') as customer_id, 'new' as tag
from range(0, 60, 3) as numbers(n);
