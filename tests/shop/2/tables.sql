-- What came back for the first messages; some upgraded, some left, two are gone.
insert into engagements
select message_id, 'delivered', queued_at + interval 20 minute, null
from series.messages
where substr(message_id, 1, 1) < 'a'
union all
select message_id, 'clicked', queued_at + interval 5 hour, 'https://example.com/premium'
from series.messages
where substr(message_id, 2, 1) < '8'
union all
select message_id, 'bounced', queued_at + interval 1 hour, null
from series.messages
where substr(message_id, 3, 1) < '3';

update crm.contacts set plan = 'Premium' where contact_id in ('c001', 'c006', 'c013', 'c021', 'c022');
insert into customer_tags values ('c002', 'left'), ('c010', 'left');
delete from crm.contacts where contact_id in ('c007', 'c030');
