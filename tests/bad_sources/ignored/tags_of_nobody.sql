insert into customer_tags values (null, 'left'), ('c1', null), ('nobody', 'left'), ('c1', 'LEFT'), ('c1', ' left');
insert into customer_tags values ('c3', 'left'), ('c3', 'left');
