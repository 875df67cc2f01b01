-- What a test may say of messages.
-- Grain: one row per message.
-- Reads: series.messages, series.entries.
select
    entry.series_id,
    entry.customer_id,
    entry.entry_number,
    message.block_id,
    message.queued_at,
    message.message_id,
    message.channel,
    message.address,
    message.expires_at,
    message.payload,
    message.received_at,
    message.goal_at
from series.messages as message
join series.entries as entry on entry.entry_id = message.entry_id
