-- The customer's messages, with the batch each leaves in.
-- Grain: one message.
-- Reads: explain_messages, series.batches, series_state.absent_messages.
select
    message.entry_id,
    message.block_id,
    message.message_id,
    message.channel,
    message.address,
    message.status,
    message.queued_at,
    message.expires_at,
    message.received_at,
    message.goal_at,
    message.batch_id,
    batch.status as batch_status,
    batch.sender,
    batch.handed_off_at,
    batch.last_error,
    batch.next_attempt_at,
    message.message_id in (select message_id from series_state.absent_messages) as is_absent
from explain_messages as message
left join series.batches as batch on batch.batch_id = message.batch_id
order by message.queued_at, message.message_id
