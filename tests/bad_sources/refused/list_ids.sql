create or replace table customers as select * replace ([customer_id] as customer_id) from customers;
