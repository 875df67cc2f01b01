-- Everybody who is a customer when the story begins, then those who sign up while it goes on.
-- Grain: one row per person. Reads: companies.
-- Parameters: seed; customers, sign_ups, companies (how many); starts_at (UTC), hours (of the story).
with
    numbered as (
        select
            number,
            number > $customers as is_new,
            cast('0x' || substr(md5($seed || ' person ' || number), 1, 7) as bigint) + 1 as salt
        from generate_series(1, $customers + $sign_ups) as numbers(number)
    ),
    placed as (
        select
            number,
            is_new,
            salt,
            if(demo.draw(salt, 'type') < if(is_new, 0.7, 0.8), 'user', 'lead') as type,
            demo.pick(
                'Ada Amir Anna Ben Camille Carlos Chloe Daniel Elif Emma Femi Grace Hana Hugo Ines Ivan Jonas Julia'
                || ' Kenji Lara Leo Lucia Maja Marco Mia Nadia Noah Olga Omar Paula Priya Rosa Sam Sofia Tara Tom Zoe',
                demo.draw(salt, 'first name')
            ) as first_name,
            -- Few companies have many customers.
            'co' || (1 + cast(floor($companies * pow(demo.draw(salt, 'company'), 1.5)) as bigint)) as company_id,
            $starts_at
            + cast(floor(3600 * demo.draw(salt, 'appears') * if(is_new, $hours, -12000)) as bigint)
            * interval 1 second as appears_at
        from numbered
    )
select
    'c' || person.number as customer_id,
    person.salt,
    person.company_id,
    person.type,
    if(demo.draw(person.salt, 'says name') < 0.93, person.first_name, null) as first_name,
    if(
        demo.draw(person.salt, 'says email') < 0.97,
        lower(person.first_name) || '.' || person.number || '@example.com',
        null
    ) as email,
    case
        when person.type = 'lead'
        then null
        when demo.draw(person.salt, 'plan') < if(person.is_new, 0.92, 0.5)
        then 'Free'
        when demo.draw(person.salt, 'plan') < if(person.is_new, 1.0, 0.78)
        then 'Pro'
        else 'Premium'
    end as plan,
    company.country,
    demo.pick(
        case
            company.country
            when 'DE'
            then 'Europe/Berlin'
            when 'GB'
            then 'Europe/London'
            when 'FR'
            then 'Europe/Paris'
            when 'US'
            then 'America/New_York America/Los_Angeles'
            when 'BR'
            then 'America/Sao_Paulo'
            when 'IN'
            then 'Asia/Kolkata'
            when 'JP'
            then 'Asia/Tokyo'
            else 'Australia/Sydney'
        end,
        demo.draw(person.salt, 'zone')
    ) as zone,
    demo.draw(person.salt, 'says zone') < 0.95 as says_zone,
    demo.draw(person.salt, 'wants no email') < 0.04 as unsubscribed,
    person.appears_at,
    if(person.type = 'lead', 0.03, 0.1)
    + if(person.type = 'lead', 0.25, 0.9) * pow(demo.draw(person.salt, 'activity'), 2) as activity,
    0.4 + 1.2 * demo.draw(person.salt, 'curiosity') as curiosity,
    case
        when not person.is_new and person.type = 'user' and demo.draw(person.salt, 'rests') < 0.25
        then $starts_at - cast(floor(1200 * demo.draw(person.salt, 'rests from')) as integer) * interval 1 hour
    end as rests_from,
    case
        when not person.is_new and demo.draw(person.salt, 'leaves') < 0.05
        then $starts_at + cast(floor(1440 * (demo.draw(person.salt, 'leaves at') - 0.6)) as integer) * interval 1 hour
    end as leaves_at
from placed as person
join companies as company on company.company_id = person.company_id
