-- Who comes by between two full hours.
-- Grain: one row per customer and hour. Reads: demo.people. Parameters: since, until (UTC).
with
    hours as (select hour_at from generate_series($since, $until - interval 1 hour, interval 1 hour) as hours(hour_at)),
    zones as (select distinct zone from demo.people),
    rhythm as (
        select
            zones.zone,
            hours.hour_at,
            demo.number('visit ' || hours.hour_at) as visit_number,
            demo.number('minute ' || hours.hour_at) as minute_number,
            demo.rhythm(demo.local_time(hours.hour_at, zones.zone)) as share
        from hours
        cross join zones
    )
select
    person.customer_id,
    rhythm.hour_at
    + (1 + cast(floor(3598 * demo.fraction(person.salt, rhythm.minute_number)) as integer))
    * interval 1 second as visited_at
from demo.people as person
join rhythm on rhythm.zone = person.zone
where
    person.appears_at <= rhythm.hour_at
    and (person.leaves_at is null or person.leaves_at > rhythm.hour_at)
    and demo.fraction(person.salt, rhythm.visit_number)
    < person.activity * rhythm.share * if(person.rests_from <= rhythm.hour_at, 0.04, 1)
