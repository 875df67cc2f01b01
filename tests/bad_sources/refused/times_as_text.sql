alter table events alter occurred_at type varchar;
alter table engagements alter occurred_at type bigint using 1;
