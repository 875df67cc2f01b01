-- Where the customer has been and is, in order of arrival, with the version of the series that moved them last.
-- Grain: one visit.
-- Reads: explain_visits, series.ticks.
select
    visit.entry_id,
    visit.block_id,
    visit.arrived_at,
    visit.deadline_at,
    visit.left_at,
    visit.outcome,
    visit.blocked_by,
    tick.definition_hash
from explain_visits as visit
left join
    series.ticks as tick
    on tick.series_id = visit.series_id
    and tick.as_of = coalesce(visit.left_as_of, visit.arrived_as_of)
order by visit.arrived_at, visit.arrived_as_of, visit.block_id
