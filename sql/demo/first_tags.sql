-- Tags that have nothing to do with series.
-- Grain: one row per customer and tag. Reads: demo.people. Parameters: starts_at (UTC).
select person.customer_id, tagged.tag
from demo.people as person
join
    (values ('user', 'beta-tester', 0.05), ('user', 'newsletter', 0.3), ('lead', 'sales-owned', 0.06)) as tagged(
        type, tag, share
    )
    on tagged.type = person.type
where person.appears_at <= $starts_at and demo.draw(person.salt, 'tag ' || tagged.tag) < tagged.share
