-- Grain: one row per entry, with the night of each letter and slip.
with recursive
    gap as (
        select
            household_id,
            paid_at,
            coalesce(
                lead(paid_at) over (partition by household_id order by paid_at), timestamp 'infinity'
            ) as next_paid_at
        from till
    ),
    -- A household is lapsed on the nights from 28 days after a purchase, for a week or until the next purchase is seen.
    lapse as (
        select
            household_id,
            next_night(paid_at + interval '28 days') as first_night,
            least(next_paid_at, paid_at + interval '35 days') as lapsed_until,
            next_paid_at
        from gap
        where
            next_night(paid_at + interval '28 days') <= $last_night
            and next_night(paid_at + interval '28 days') < least(next_paid_at, paid_at + interval '35 days')
    ),
    -- The night after which somebody counts as a fish counter regular: fish again within three weeks of the first.
    first_fish as (select household_id, next_night(min(paid_at)) as fish_at from fish group by household_id),
    regular as (
        select distinct household_id, fish_at + interval '21 days' as tagged_at
        from first_fish join fish using (household_id)
        where paid_at > fish_at and paid_at <= fish_at + interval '21 days'
    ),
    bucket as (
        select
            household_id,
            cast('0x' || substr(md5('winback:' || household_id), 1, 7) as bigint) % 10000 < 2000 as is_held_out
        from (select distinct household_id from till)
    ),
    entry as (
        select
            household_id,
            1 as entry_number,
            min(first_night) as entered_at,
            arg_min(next_paid_at, first_night) as back_at_till
        from lapse
        group by household_id
        union all
        -- Again when 60 days have passed since the last entry ended: on the return, or after 60 idle days.
        select
            entry.household_id,
            entry_number + 1,
            min(greatest(first_night, may_enter_at)),
            arg_min(next_paid_at, greatest(first_night, may_enter_at))
        from
            (
                select
                    *,
                    least(
                        case when isfinite(back_at_till) then next_night(back_at_till) end,
                        entered_at + interval '60 days'
                    ) + interval '60 days' as may_enter_at
                from entry
            ) as entry
        join lapse using (household_id)
        join bucket using (household_id)
        where
            entry_number < 3
            and not is_held_out
            and may_enter_at <= $last_night
            and greatest(first_night, may_enter_at) < lapsed_until
        group by entry.household_id, entry_number
    ),
    dated as (
        select
            household_id,
            entry_number,
            entered_at,
            is_held_out,
            case when back_at_till <= $last_night then next_night(back_at_till) end as back_at,
            entered_at + interval '14 days' as offer_at,
            entered_at + interval '60 days' as idle_at,
            exists (
                select 1 from regular where regular.household_id = entry.household_id and tagged_at < entered_at
            ) as is_regular
        from entry join bucket using (household_id)
    ),
    ended as (
        select
            *,
            case when back_at < idle_at and not is_held_out then back_at end as thanked_at,
            case when idle_at <= $last_night and not is_held_out and coalesce(back_at >= idle_at, true) then idle_at end
                as given_up_at
        from dated
    )
select
    household_id as customer_id,
    entry_number,
    case
        when is_held_out then 'held_out'
        when thanked_at is not null then 'finished'
        when given_up_at is not null then 'disengaged'
        else 'active'
    end as status,
    entered_at,
    coalesce(thanked_at, given_up_at) as ended_at,
    case when back_at <= entered_at + interval '42 days' then back_at end as goal_at,
    case when is_regular and not is_held_out then entered_at end as miss_you_fish,
    case when not is_regular and not is_held_out then entered_at end as miss_you,
    case
        when offer_at <= $last_night and not is_held_out and coalesce(back_at > offer_at, true) then offer_at
    end as offer,
    thanked_at as thank_you
from ended
