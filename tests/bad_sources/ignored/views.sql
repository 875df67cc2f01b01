alter table customers rename to people;
alter table events rename to happenings;
create view customers as select * from people;
create view events as select distinct * from happenings;
