-- Who answers messages, and when they come by while the story goes on.
-- Grain: one row per person. Reads: demo.people, demo.visits. Parameters: starts_at (UTC).
select person.customer_id, person.zone, person.curiosity, coalesce(visit.visits, []) as visits
from demo.people as person
left join
    (
        select customer_id, list(visited_at order by visited_at) as visits
        from demo.visits
        where visited_at > $starts_at
        group by customer_id
    ) as visit
    on visit.customer_id = person.customer_id
order by person.customer_id
