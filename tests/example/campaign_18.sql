-- Grain: one row per entry, with the night of each letter and slip. Everybody enters on the night of the first day;
-- the list is empty two nights after the last day, and who is still waiting then leaves.
with
    entry as (
        select
            household_id,
            first_day + interval '2 hours' as entered_at,
            last_day + interval '50 hours' as list_gone_at
        from member
        where campaign_id = 18 and first_day + interval '2 hours' <= $last_night
    ),
    dated as (
        select
            household_id,
            entered_at,
            list_gone_at,
            (
                select min(next_night(redeemed_at))
                from redemption
                where
                    redemption.household_id = entry.household_id
                    and campaign_id = 18
                    and redeemed_at > entered_at
                    and redeemed_at <= least(entered_at + interval '57 days', $last_night)
            ) as goal_at,
            (
                -- The first night from two weeks after entering that follows a day with a purchase.
                select min(next_night(paid_at))
                from till
                where
                    till.household_id = entry.household_id
                    and paid_at > entered_at + interval '13 days'
                    and paid_at <= $last_night
            ) as visit_at
        from entry
    ),
    planned as (
        -- 09:00 in New York on 17 December is 14:00 UTC; the next run is the night of the 18th.
        select
            *,
            case when visit_at is not null then greatest(visit_at, timestamp '2017-12-18 02:00') end as last_call_at
        from dated
    ),
    ended as (
        select
            *,
            -- Of what happens in one night, the goal comes first, then the exit. What never happens does not count.
            least(goal_at, list_gone_at, last_call_at) as first_end_at
        from planned
    )
select
    household_id as customer_id,
    1 as entry_number,
    case
        when first_end_at > $last_night then 'active'
        when first_end_at = goal_at then 'goal'
        when first_end_at = list_gone_at then 'exited'
        else 'finished'
    end as status,
    entered_at,
    case when first_end_at <= $last_night then first_end_at end as ended_at,
    goal_at,
    entered_at as booklet,
    case when coalesce(visit_at < least(goal_at, list_gone_at), false) then visit_at end as till_reminder,
    case
        when last_call_at <= $last_night and coalesce(last_call_at < least(goal_at, list_gone_at), false)
        then last_call_at
    end as last_call
from ended
