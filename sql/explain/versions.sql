-- When each series ran last, and in which version.
-- Grain: one series that ever ran.
-- Reads: series.ticks.
select series_id, max(as_of) as last_as_of, arg_max(definition_hash, as_of) as definition_hash
from series.ticks
group by series_id
