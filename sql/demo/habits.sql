-- What people do by themselves when they come by.
-- Grain: one row per type of customer and event.
select type, name, probability, newcomer_factor
from
    (
        values
            ('user', 'login', 1.0, 1.0),
            ('user', 'created_project', 0.06, 4.0),
            ('user', 'created_report', 0.03, 1.0),
            ('user', 'invited_teammate', 0.015, 4.0),
            ('user', 'visited_pricing', 0.02, 2.0),
            ('user', 'purchase', 0.0035, 1.0),
            ('lead', 'visited_site', 1.0, 1.0),
            ('lead', 'visited_pricing', 0.3, 1.0),
            ('lead', 'requested_demo', 0.02, 1.0)
    ) as habits(type, name, probability, newcomer_factor)
