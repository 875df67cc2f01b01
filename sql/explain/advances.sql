-- The customer's moves, in order.
-- Grain: one advance.
-- Reads: explain_advances.
select entry_id, from_block, to_block, advanced_at, merged
from explain_advances
order by advanced_at, as_of, from_block, to_block
