-- The companies that customers belong to.
-- Grain: one row per company. Parameters: seed, companies (how many).
with
    numbered as (
        select number, cast('0x' || substr(md5($seed || ' company ' || number), 1, 7) as bigint) + 1 as salt
        from generate_series(1, $companies) as numbers(number)
    )
select
    'co' || number as company_id,
    demo.pick('North River Copper Field Harbour Linden Granite Meadow Signal Cedar Orbit', demo.draw(salt, 'word'))
    || ' '
    || demo.pick('Studio Works Logistics Labs Partners Foods Media Health Systems', demo.draw(salt, 'trade'))
    || ' '
    || number as name,
    demo.pick('software retail logistics media health education', demo.draw(salt, 'industry')) as industry,
    cast(demo.pick('3 5 8 12 20 35 60 150 400', demo.draw(salt, 'seats')) as integer) as seats,
    demo.pick('DE DE GB GB FR US US US BR IN JP AU', demo.draw(salt, 'country')) as country
from numbered
