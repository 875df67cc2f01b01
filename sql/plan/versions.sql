-- When each series ran last, and the text of the version that ran.
-- Grain: one series that ever ran.
-- Reads: series.ticks, series.definitions.
select newest.series_id, newest.last_as_of, newest.definition_hash, version.text
from
    (
        select series_id, max(as_of) as last_as_of, arg_max(definition_hash, as_of) as definition_hash
        from series.ticks
        group by series_id
    ) as newest
left join
    series.definitions as version
    on version.series_id = newest.series_id
    and version.definition_hash = newest.definition_hash
order by newest.series_id
