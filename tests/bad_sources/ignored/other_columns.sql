-- Attributes nobody asks for, in all types, mixed case, and words of SQL.
alter table customers add column "Mixed Case" varchar;
alter table customers add column "select" integer;
alter table customers add column "a""b" double;
alter table customers add column nested struct(a integer, b varchar[]);
alter table customers add column entry_id bigint;
alter table customers add column series_id varchar;
alter table customers add column "Email Address" varchar;
alter table customers rename first_name to "First_Name";
alter table events add column entry_id bigint;
alter table events rename name to "NAME";
alter table engagements add column customer_id varchar;
alter table companies add column "Größe" integer;
