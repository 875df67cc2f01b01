-- Not visible yet.
insert into events values ('c0', 'purchase', timestamp '2026-03-05 09:00:01', '{"amount": 99}');
insert into engagements select message_id, 'bounced', timestamp '2026-03-05 09:00:01', null from series.messages;
