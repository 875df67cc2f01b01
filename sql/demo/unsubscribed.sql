-- Who wants no more email since an answer between two instants.
-- Grain: one row per customer. Reads: engagements, series.messages. Parameters: since (not itself), until (UTC).
select distinct message.customer_id, true as unsubscribed
from engagements as engagement
join series.messages as message on message.message_id = engagement.message_id
where
    engagement.kind in ('unsubscribed', 'complained')
    and engagement.occurred_at > $since
    and engagement.occurred_at <= $until
