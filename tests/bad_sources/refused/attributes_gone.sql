alter table customers drop plan;
alter table customers drop email;
alter table companies drop size;
