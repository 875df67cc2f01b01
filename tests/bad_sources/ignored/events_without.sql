-- Without a time, a name, a customer; of nobody we know.
insert into events
values
    ('c0', 'purchase', null, '{"amount": 99}'),
    ('c0', null, timestamp '2026-03-01 08:00:00', '{"amount": 99}'),
    (null, 'purchase', timestamp '2026-03-01 08:00:00', '{"amount": 99}'),
    ('nobody', 'purchase', timestamp '2026-03-01 08:00:00', '{"amount": 99}'),
    ('C0', 'purchase', timestamp '2026-03-01 08:00:00', '{"amount": 99}'),
    ('c1 ', 'purchase', timestamp '2026-03-01 08:00:00', '{"amount": 99}');
