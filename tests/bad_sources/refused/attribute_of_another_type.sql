alter table customers alter plan type bigint using 1;
alter table companies alter size type varchar;
