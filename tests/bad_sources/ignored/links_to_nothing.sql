insert into customer_companies values ('c1', 'no such company'), ('nobody', 'a'), (null, 'a'), ('c1', null), (null, null);
insert into customer_companies values ('c5', 'b'), ('c5', 'b');
