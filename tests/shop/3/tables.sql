-- Clicks on everything so far, tags as the series wrote them, one customer back.
insert into engagements
select message_id, 'clicked', queued_at + interval 30 hour, 'https://example.com/premium'
from series.messages
where substr(message_id, 4, 1) < 'c';

insert into customer_tags
select distinct customer_id, tag
from series.tag_writes
where action = 'add' and customer_id < 'c030';

insert into crm.contacts by name
select 'c007' as contact_id, 'user' as type, 'Back' as first_name, 'Basic' as plan, false as unsubscribed;
update crm.contacts set plan = 'Premium' where contact_id in ('c009', 'c014', 'c025', 'c033', 'c034', 'c045');
