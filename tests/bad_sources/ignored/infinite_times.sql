-- Infinity is later than any instant; minus infinity is no time at which something of ours came back.
insert into events values ('c0', 'purchase', timestamp 'infinity', '{"amount": 99}');
insert into engagements select message_id, 'bounced', timestamp 'infinity', null from series.messages;
