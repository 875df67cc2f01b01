-- The customer whose id is most like one that is not there.
-- Grain: one customer, or none.
-- Reads: source_customers. Parameters: customer_id (text).
select cast(customer_id as varchar) as customer_id
from source_customers
order by levenshtein(cast(customer_id as varchar), $customer_id), customer_id
limit 1
