-- What the series did, and what it was good for.
-- Grain: one row per series. Reads: series.entries, series.messages.
-- The rates are about first entries whose goal was not met on entering: later entries have no holdout to compare with.
with
    counted as (
        select
            series_id,
            count(*) as entries,
            count(*) filter (where status = 'active') as active,
            count(*) filter (where status = 'finished') as finished,
            count(*) filter (where status = 'held_out') as held_out,
            count(*) filter (where goal_at is not null and arm = 'treatment') as goals,
            avg(if(goal_at is null, 0, 1)) filter (where arm = 'treatment' and is_compared) as goal_rate,
            avg(if(goal_at is null, 0, 1)) filter (where arm = 'holdout' and is_compared) as holdout_goal_rate
        from
            (
                select series_id, status, goal_at, arm, entry_number = 1 and not goal_met_at_entry as is_compared
                from series.entries
            ) as entries
        group by series_id
    ),
    sent as (
        select series_id, count(*) as messages_handed_off
        from series.messages
        where status = 'handed_off'
        group by series_id
    )
select
    counted.series_id,
    counted.entries,
    counted.active,
    counted.finished,
    counted.held_out,
    counted.goals,
    counted.goal_rate,
    counted.holdout_goal_rate,
    coalesce(sent.messages_handed_off, 0) as messages_handed_off
from counted
left join sent on sent.series_id = counted.series_id
order by counted.series_id
