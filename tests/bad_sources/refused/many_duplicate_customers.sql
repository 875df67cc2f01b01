insert into customers by name select 'twin' || n as customer_id from range(50) as numbers(n), range(2);
