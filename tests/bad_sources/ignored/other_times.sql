alter table events alter occurred_at type timestamp_s;
alter table engagements alter occurred_at type timestamp_ns;
