-- Who leaves blocks that are gone in one run.
-- Grain: one row per series, block and outcome.
-- Reads: series_state.closed_visits. Parameters: $as_of, the run's instant.
select series_id, block_id, outcome, count(*) as customer_count
from series_state.closed_visits
where left_as_of = $as_of and outcome in ('moved', 'removed')
group by series_id, block_id, outcome
order by series_id, block_id, outcome
