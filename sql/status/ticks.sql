-- When each series ran last.
-- Grain: one row per series that ever ran.
-- Reads: series.ticks.
select series_id, max(as_of) as last_as_of from series.ticks group by series_id
