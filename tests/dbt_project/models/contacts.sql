{{ config(alias='dim_contacts') }}
select
    'c' || n as contact_id, 'Customer ' || n as first_name, 'c' || n || '@example.com' as email, 'Free' as plan,
    false as unsubscribed
from range(6) as numbers(n)
