-- What people do because of messages they engaged with between two instants.
-- Grain: one event; it may lie days ahead. Reads: engagements, events, series.messages, demo.people,
-- demo.persuasion. Parameters: since (not itself), until (UTC).
with
    moved as (
        select
            message.customer_id,
            persuasion.name,
            person.plan,
            person.zone,
            engagement.occurred_at + demo.delay(
                persuasion.mean_minutes,
                demo.draw(person.salt, message.message_id || engagement.kind || persuasion.name)
            ) as occurred_at
        from engagements as engagement
        join series.messages as message on message.message_id = engagement.message_id
        join
            demo.persuasion as persuasion
            on persuasion.series_id = message.series_id
            and persuasion.kind = engagement.kind
        join demo.people as person on person.customer_id = message.customer_id
        where
            engagement.occurred_at > $since
            and engagement.occurred_at <= $until
            and demo.draw(person.salt, persuasion.name || ' after ' || engagement.kind || message.message_id)
            < persuasion.probability
    ),
    ordered as (
        select
            customer_id,
            name,
            plan,
            demo.awake(occurred_at, zone) as occurred_at,
            row_number() over (partition by customer_id, name order by occurred_at) as turn
        from moved
    )
select
    customer_id,
    name,
    occurred_at,
    case
        name
        when 'login'
        then json_object('device', 'mobile')
        when 'purchase'
        then json_object('plan', 'Premium', 'amount', 49)
    end as properties
from ordered
where
    turn = 1
    and not (
        name = 'purchase'
        and (
            plan = 'Premium'
            or exists (
                select 1
                from events as earlier
                where earlier.customer_id = ordered.customer_id and earlier.name = 'purchase'
            )
        )
    )
