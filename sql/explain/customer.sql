-- The customer that is asked about, as often as the source has them.
-- Grain: one row of the source with this id.
-- Reads: source_customers. Parameters: customer_id.
select customer_id from source_customers where customer_id = $customer_id
