insert into customers by name select null as customer_id, 'x@example.com' as email from range(3);
