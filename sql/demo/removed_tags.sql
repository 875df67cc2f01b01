-- Tags that a run removed, taken out of the company's own table as a sync would do it.
-- Grain: one row per customer and tag. Reads: series.tag_writes. Parameters: since (the run's instant).
select distinct customer_id, tag from series.tag_writes where as_of = $since and action = 'remove'
