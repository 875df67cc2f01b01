-- Grain: one row per entry, with the night of each letter and slip. The first fish is the entry, once.
with
    entry as (
        select household_id, next_night(min(paid_at)) as entered_at
        from fish
        where paid_at <= $last_night
        group by household_id
    ),
    dated as (
        select
            household_id,
            entered_at,
            entered_at + interval '21 days' as asked_at,
            household_id in (from family) as is_family,
            (
                select min(next_night(paid_at))
                from fish
                where
                    fish.household_id = entry.household_id
                    and paid_at > entered_at
                    and paid_at <= least(entered_at + interval '42 days', $last_night)
            ) as goal_at
        from entry
    )
select
    household_id as customer_id,
    1 as entry_number,
    case when asked_at <= $last_night then 'finished' else 'active' end as status,
    entered_at,
    case when asked_at <= $last_night then asked_at end as ended_at,
    goal_at,
    case when is_family then entered_at end as family_recipes,
    case when not is_family then entered_at end as recipes,
    case when asked_at <= $last_night and coalesce(goal_at > asked_at, true) then asked_at end as friday_offer
from dated
