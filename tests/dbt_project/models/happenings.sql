select
    'c' || n as customer_id, 'purchase' as name, timestamptz '2026-03-01 08:00:00+00' as occurred_at,
    {'amount': n * 8} as properties
from range(4) as numbers(n)
