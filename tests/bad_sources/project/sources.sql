-- Sources as they should be.
create table customers as
select
    'c' || n as customer_id, 'Customer ' || n as first_name, 'c' || n || '@example.com' as email, 'Free' as plan,
    false as unsubscribed
from range(6) as numbers(n);

create table companies as select 'a' as company_id, 200 as size union all select 'b', 20;
create table customer_companies as select 'c4' as customer_id, 'a' as company_id union all select 'c5', 'b';

create table events as
select
    'c' || n as customer_id, 'purchase' as name, timestamp '2026-03-01 08:00:00' as occurred_at,
    '{"amount": ' || n * 8 || '}' as properties
from range(4) as numbers(n);

create table engagements (message_id varchar, kind varchar, occurred_at timestamp, link varchar);
create table customer_tags (customer_id varchar, tag varchar);
