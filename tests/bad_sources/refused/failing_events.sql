alter table events rename to raw_events;
create view events as select customer_id, name, cast(occurred_at || '?' as timestamp) as occurred_at, properties from raw_events;
