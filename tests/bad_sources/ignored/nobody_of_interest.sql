-- A customer whom no rule matches.
insert into customers by name select 'c9' as customer_id;
