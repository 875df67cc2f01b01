insert into engagements
values
    ('no such message', 'opened', timestamp '2026-03-02 09:00:00', null),
    (null, 'opened', timestamp '2026-03-02 09:00:00', null),
    ('', 'bounced', timestamp '2026-03-02 09:00:00', null);
insert into engagements select message_id, 'yawned', timestamp '2026-03-01 10:00:00', null from series.messages;
insert into engagements select message_id, null, timestamp '2026-03-01 10:00:00', null from series.messages;
insert into engagements select message_id, 'OPENED', timestamp '2026-03-01 10:00:00', null from series.messages;
insert into engagements select message_id, 'opened', null, null from series.messages;
insert into engagements select message_id, 'bounced', null, null from series.messages;
