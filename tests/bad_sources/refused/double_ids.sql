create or replace table customers as select * replace (1.0::double as customer_id) from customers limit 1;
