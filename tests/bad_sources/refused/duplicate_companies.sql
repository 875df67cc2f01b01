insert into companies values ('a', 5), (null, 7), (null, 8);
