-- What every run keeps (SPEC 6), looked for in all that runs have ever written; there must be none.
-- Grain: one row per thing wrong, series and block.
-- Reads: series.entries, series.visits, series.advances, series.messages.
with
    repeated_visits as (
        select series_id, block_id from series.visits group by entry_id, series_id, block_id having count(*) > 1
    ),
    open_visits as (select entry_id, series_id, block_id from series.visits where left_at is null),
    arrivals as (
        select visit.entry_id, visit.series_id, visit.block_id
        from series.visits as visit
        join series.entries as entry on entry.entry_id = visit.entry_id
        where not list_contains(entry.entry_rules, visit.block_id)
    ),
    advances as (select entry_id, series_id, to_block as block_id from series.advances where not merged),
    repeated_messages as (
        select series_id, block_id from series.messages group by entry_id, series_id, block_id having count(*) > 1
    ),
    problems as (
        select 'visited more than once' as problem, series_id, block_id
        from repeated_visits
        union all
        select 'open although its entry has ended' as problem, visit.series_id, visit.block_id
        from open_visits as visit
        join series.entries as entry on entry.entry_id = visit.entry_id
        where entry.status <> 'active'
        union all
        select 'active without an open visit' as problem, entry.series_id, cast(null as varchar) as block_id
        from series.entries as entry
        where
            entry.status = 'active'
            and not exists (select 1 from open_visits as visit where visit.entry_id = entry.entry_id)
        union all
        select 'reached without an advance' as problem, arrival.series_id, arrival.block_id
        from arrivals as arrival
        where
            not exists (
                select 1
                from advances as advance
                where advance.entry_id = arrival.entry_id and advance.block_id = arrival.block_id
            )
        union all
        select 'an advance that arrived nowhere' as problem, advance.series_id, advance.block_id
        from advances as advance
        where
            not exists (
                select 1
                from series.visits as visit
                where visit.entry_id = advance.entry_id and visit.block_id = advance.block_id
            )
        union all
        select 'more than one message' as problem, series_id, block_id
        from repeated_messages
    )
select problem, series_id, block_id, count(*) as entry_count
from problems
group by problem, series_id, block_id
order by series_id, block_id, problem
