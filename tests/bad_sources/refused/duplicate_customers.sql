insert into customers by name select customer_id, email from customers where customer_id in ('c1', 'c2');
insert into customers by name select 'c2' as customer_id;
