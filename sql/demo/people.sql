-- Everybody who is a customer when the story begins, then those who sign up while it goes on.
-- Grain: one row per person. Reads: companies.
-- Parameters: seed; customers, sign_ups (how many); companies (how many); starts_at (UTC), days (of the story).
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
            -- Few companies have many customers.
            'co' || lpad(
                cast(1 + cast(floor($companies * pow(demo.draw(salt, 'company'), 1.5)) as integer) as varchar), 4, '0'
            ) as company_id
        from numbered
    ),
    aged as (
        select
            placed.number,
            placed.is_new,
            placed.salt,
            placed.type,
            company.company_id,
            company.country,
            $starts_at
            + cast(floor(86400 * demo.draw(placed.salt, 'appears') * if(placed.is_new, $days, -500)) as bigint)
            * interval 1 second as appears_at
        from placed
        join companies as company on company.company_id = placed.company_id
    )
select
    'c' || lpad(cast(number as varchar), 5, '0') as customer_id,
    salt,
    company_id,
    type,
    [
        'Ada',
        'Amir',
        'Anna',
        'Ben',
        'Camille',
        'Carlos',
        'Chloe',
        'Daniel',
        'Elif',
        'Emma',
        'Femi',
        'Grace',
        'Hana',
        'Hugo',
        'Ines',
        'Ivan',
        'Jonas',
        'Julia',
        'Kenji',
        'Lara',
        'Leo',
        'Lucia',
        'Maja',
        'Marco',
        'Mia',
        'Nadia',
        'Noah',
        'Olga',
        'Omar',
        'Paula',
        'Priya',
        'Rosa',
        'Sam',
        'Sofia',
        'Tara',
        'Tom',
        'Yuki',
        'Zoe'
    ][1 + cast(floor(38 * demo.draw(salt, 'first name')) as integer)] as first_name,
    case
        when type = 'lead'
        then null
        when demo.draw(salt, 'plan') < if(is_new, 0.92, 0.5)
        then 'Free'
        when demo.draw(salt, 'plan') < if(is_new, 1.0, 0.78)
        then 'Pro'
        else 'Premium'
    end as plan,
    country,
    case
        country
        when 'DE'
        then 'Europe/Berlin'
        when 'GB'
        then 'Europe/London'
        when 'FR'
        then 'Europe/Paris'
        when 'US'
        then if(demo.draw(salt, 'coast') < 0.6, 'America/New_York', 'America/Los_Angeles')
        when 'BR'
        then 'America/Sao_Paulo'
        when 'IN'
        then 'Asia/Kolkata'
        when 'JP'
        then 'Asia/Tokyo'
        else 'Australia/Sydney'
    end as zone,
    appears_at,
    if(type = 'lead', 0.03, 0.1) + if(type = 'lead', 0.25, 0.9) * pow(demo.draw(salt, 'activity'), 2) as activity,
    0.4 + 1.2 * demo.draw(salt, 'curiosity') as curiosity,
    case
        when not is_new and type = 'user' and demo.draw(salt, 'rests') < 0.25
        then $starts_at - cast(floor(1200 * demo.draw(salt, 'rests from')) as integer) * interval 1 hour
    end as rests_from,
    case
        when not is_new and demo.draw(salt, 'leaves') < 0.05
        then $starts_at + cast(floor(1440 * (demo.draw(salt, 'leaves at') - 0.6)) as integer) * interval 1 hour
    end as leaves_at
from aged
