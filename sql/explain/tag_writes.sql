-- What the customer's visits have done to their tags.
-- Grain: one tag write.
-- Reads: explain_tag_writes.
select entry_id, block_id, tag, action, as_of, status from explain_tag_writes order by as_of, tag
