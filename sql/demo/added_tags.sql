-- Tags that a run added, brought into the company's own table as a sync would do it.
-- Grain: one row per customer and tag. Reads: series.tag_writes, customer_tags. Parameters: since (the run's instant).
select distinct tag_write.customer_id, tag_write.tag
from series.tag_writes as tag_write
where
    tag_write.as_of = $since
    and tag_write.action = 'add'
    and not exists (
        select 1
        from customer_tags as known
        where known.customer_id = tag_write.customer_id and known.tag = tag_write.tag
    )
