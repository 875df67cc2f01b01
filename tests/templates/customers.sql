-- Who the templates are rendered for; `shows` in the cases names them.
select 'ann' as who, 'ann LEE' as first_name, 'Premium' as plan, 5.0::double as score, 12.5::decimal(10, 2) as spent,
    3 as seats, true as vip, timestamp '2026-03-01 09:30:00.25' as seen_at, date '2026-02-28' as born_on,
    ['a'] as labels
union all
select 'zero', '', 'Free', 0, 0, 0, false, timestamp '2020-01-01', date '2020-01-01', []
union all
select 'unknown', null, null, null, null, null, null, null, null, null
union all
select 'hostile', $$ <b>"q"</b> & 'x'\n'); drop table customer; -- {{ plan }} 😀
$$, 'İstanbul ß', 'inf'::double, -0.01, -1, null, timestamp '1969-12-31 23:59:59.999999', null, null
