-- What the shipped series bring about: an engagement with one of their messages leads to an event.
-- Grain: one row per series, kind of engagement and event.
select series_id, kind, name, probability, mean_minutes
from
    (
        values
            ('encourage_upgrades', 'opened', 'purchase', 0.005, 1500.0),
            ('encourage_upgrades', 'clicked', 'purchase', 0.07, 900.0),
            ('encourage_upgrades', 'completed', 'purchase', 0.25, 1500.0),
            ('onboarding', 'opened', 'created_project', 0.1, 600.0),
            ('onboarding', 'clicked', 'created_project', 0.5, 120.0),
            ('onboarding', 'completed', 'created_project', 0.7, 30.0),
            ('onboarding', 'opened', 'invited_teammate', 0.06, 600.0),
            ('onboarding', 'clicked', 'invited_teammate', 0.35, 240.0),
            ('announcement', 'opened', 'created_report', 0.06, 900.0),
            ('announcement', 'clicked', 'created_report', 0.4, 60.0),
            ('announcement', 'completed', 'created_report', 0.5, 60.0),
            ('reengagement', 'opened', 'login', 0.15, 600.0),
            ('reengagement', 'clicked', 'login', 0.8, 5.0),
            ('reengagement', 'replied', 'login', 0.4, 900.0),
            ('lead_generation', 'replied', 'requested_demo', 0.3, 300.0),
            ('lead_generation', 'opened', 'requested_demo', 0.03, 1500.0),
            ('lead_generation', 'clicked', 'requested_demo', 0.2, 600.0)
    ) as persuasion(series_id, kind, name, probability, mean_minutes)
