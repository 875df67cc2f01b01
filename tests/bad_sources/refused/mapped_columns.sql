create schema crm;
create table crm.contacts as select * from customers;
create table crm.happenings as select * exclude (occurred_at) from events;
