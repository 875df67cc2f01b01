alter table customers rename to people;
create view customers as select * replace (cast(first_name as integer) as first_name) from people;
