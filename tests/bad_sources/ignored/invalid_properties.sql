-- No JSON, JSON of another shape, and amounts that are no numbers.
insert into events
select 'c1', 'purchase', timestamp '2026-03-01 08:00:00', properties
from (
    values
        ('{amount: 99'), (''), ('amount'), (null), ('null'), ('[99]'), ('99'), ('"99"'), ('{}'),
        ('{"amount": null}'), ('{"amount": "a lot"}'), ('{"amount": [99]}'), ('{"amount": {"amount": 99}}'),
        ('{"Amount": 99}'), ('{"amount": true}'), ('{"amount": ""}')
) as broken(properties);
