-- The messages of some batches that were handed off.
-- Grain: one message. Reads: series.messages. Parameters: batch_ids.
select message_id, customer_id, series_id, channel, expires_at, payload ->> '$.link' as link
from series.messages
where status = 'handed_off' and batch_id in (select unnest($batch_ids))
order by message_id
