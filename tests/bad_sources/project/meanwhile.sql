-- What happens between the two runs.
insert into engagements
select message_id, 'opened', timestamp '2026-03-01 12:00:00', null
from series.messages
where ends_with(cast(customer_id as varchar), '2');

insert into customer_tags values ('c3', 'left');
update customers set plan = 'Premium' where customer_id = 'c4';
insert into events values ('c0', 'purchase', timestamp '2026-03-01 15:00:00', '{"amount": 11}');
