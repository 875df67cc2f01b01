alter table events alter occurred_at type timestamptz using timezone('UTC', occurred_at);
alter table engagements alter occurred_at type timestamptz using timezone('UTC', occurred_at);
