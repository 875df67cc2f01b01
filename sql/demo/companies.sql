-- The companies that customers belong to.
-- Grain: one row per company. Parameters: seed, companies (how many).
with
    numbered as (
        select number, cast('0x' || substr(md5($seed || ' company ' || number), 1, 7) as bigint) + 1 as salt
        from generate_series(1, $companies) as numbers(number)
    )
select
    'co' || lpad(cast(number as varchar), 4, '0') as company_id,
    [
        'North',
        'River',
        'Copper',
        'Field',
        'Harbour',
        'Linden',
        'Granite',
        'Meadow',
        'Signal',
        'Cedar',
        'Orbit',
        'Paper'
    ][1 + cast(floor(12 * demo.draw(salt, 'first word')) as integer)]
    || ' '
    || ['Studio', 'Works', 'Logistics', 'Labs', 'Partners', 'Foods', 'Media', 'Health', 'Systems', 'Supply'][
        1 + cast(floor(10 * demo.draw(salt, 'second word')) as integer)
    ]
    || ' '
    || number as name,
    ['software', 'retail', 'logistics', 'media', 'health', 'education'][
        1 + cast(floor(6 * demo.draw(salt, 'industry')) as integer)
    ] as industry,
    [3, 5, 8, 12, 20, 35, 60, 150, 400][1 + cast(floor(9 * demo.draw(salt, 'seats')) as integer)] as seats,
    ['DE', 'DE', 'GB', 'GB', 'FR', 'US', 'US', 'US', 'BR', 'IN', 'JP', 'AU'][
        1 + cast(floor(12 * demo.draw(salt, 'country')) as integer)
    ] as country
from numbered
