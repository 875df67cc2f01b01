alter table companies rename to firms;
create view companies as select cast(company_id as integer) as company_id, size from firms;
