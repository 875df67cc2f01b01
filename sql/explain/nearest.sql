-- The customer whose id is most like one that is not there, whatever the case of letters, and be it little.
-- Grain: one customer, or none.
-- Reads: source_customers. Parameters: customer_id (text).
select cast(customer_id as varchar) as customer_id
from source_customers
order by levenshtein(lower(cast(customer_id as varchar)), lower($customer_id)), customer_id
limit 1
