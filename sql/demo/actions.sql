-- What people do by themselves on their visits; nobody buys twice.
-- Grain: one event. Reads: demo.habits, demo.people, demo.visits.
with
    actions as (
        select
            visit.customer_id,
            habit.name,
            visit.visited_at + demo.delay(
                if(habit.probability = 1, 0, 4), demo.draw(person.salt, habit.name || ' after ' || visit.visited_at)
            ) as occurred_at,
            person.plan,
            if(demo.draw(person.salt, visit.visited_at || ' device') < 0.7, 'web', 'mobile') as device
        from demo.visits as visit
        join demo.people as person on person.customer_id = visit.customer_id
        join demo.habits as habit on habit.type = person.type
        where
            demo.draw(person.salt, habit.name || ' at ' || visit.visited_at)
            < habit.probability * if(visit.visited_at < person.appears_at + interval 7 days, habit.newcomer_factor, 1)
    ),
    ordered as (
        select
            customer_id,
            name,
            occurred_at,
            plan,
            device,
            row_number() over (partition by customer_id, name order by occurred_at) as turn
        from actions
    )
select
    customer_id,
    name,
    occurred_at,
    case
        name
        when 'login'
        then json_object('device', device)
        when 'purchase'
        then json_object('plan', 'Premium', 'amount', 49)
    end as properties
from ordered
where name != 'purchase' or (turn = 1 and plan != 'Premium')
