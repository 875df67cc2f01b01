-- What runs have seen come back for the customer's messages: the first of each kind.
-- Grain: one message and kind of engagement.
-- Reads: explain_messages, series_state.first_engagements.
select engagement.message_id, engagement.kind, engagement.occurred_at
from series_state.first_engagements as engagement
where engagement.message_id in (select message_id from explain_messages)
order by engagement.occurred_at, engagement.kind
