-- Grain: one row per entry, with the night of each letter and slip. Everybody enters on the night of the first day.
with
    entry as (
        select household_id, first_day + interval '2 hours' as entered_at
        from member
        where campaign_id = 8 and first_day + interval '2 hours' <= $last_night
    ),
    dated as (
        select
            household_id,
            entered_at,
            entered_at + interval '21 days' as reminded_at,
            household_id in (from family) as is_family,
            (
                select min(next_night(redeemed_at))
                from redemption
                where
                    redemption.household_id = entry.household_id
                    and campaign_id = 8
                    and redeemed_at > entered_at
                    and redeemed_at <= least(entered_at + interval '50 days', $last_night)
            ) as goal_at,
            exists (
                select 1
                from till
                where
                    till.household_id = entry.household_id
                    and paid_at > entered_at
                    and paid_at <= entered_at + interval '21 days'
            ) as has_shopped
        from entry
    ),
    ended as (
        select *, reminded_at <= $last_night and coalesce(goal_at > reminded_at, true) as is_reminded from dated
    )
select
    household_id as customer_id,
    1 as entry_number,
    case when is_reminded then 'finished' when goal_at is not null then 'goal' else 'active' end as status,
    entered_at,
    case when is_reminded then reminded_at else goal_at end as ended_at,
    goal_at,
    case when is_family then entered_at end as family_booklet,
    case when not is_family then entered_at end as booklet,
    case when is_reminded and has_shopped then reminded_at end as till_reminder,
    case when is_reminded and not has_shopped then reminded_at end as letter_reminder
from ended
