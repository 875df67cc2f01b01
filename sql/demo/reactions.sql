-- How messages are answered, by channel.
-- Grain: one row per channel and pair of kinds; alternatives after the same kind have bounds that do not overlap.
select channel, inbox, after_kind, kind, at_least, below, mean_minutes
from
    (
        values
            ('email', true, 'reached', 'delivered', 0.0, 0.965, 0.5),
            ('email', true, 'reached', 'bounced', 0.965, 0.98, 1.0),
            ('email', true, 'delivered', 'opened', 0.0, 0.45, 420.0),
            ('email', true, 'opened', 'clicked', 0.0, 0.28, 3.0),
            ('email', true, 'opened', 'replied', 0.28, 0.33, 90.0),
            ('email', true, 'opened', 'unsubscribed', 0.33, 0.342, 2.0),
            ('email', true, 'opened', 'complained', 0.342, 0.344, 2.0),
            ('push', true, 'reached', 'delivered', 0.0, 0.9, 0.5),
            ('push', true, 'reached', 'failed', 0.9, 1.0, 0.5),
            ('push', true, 'delivered', 'clicked', 0.0, 0.12, 60.0),
            ('push', true, 'delivered', 'dismissed', 0.12, 0.5, 120.0),
            ('post', false, 'reached', 'opened', 0.0, 0.85, 1.0),
            ('post', false, 'reached', 'dismissed', 0.85, 1.0, 1.0),
            ('post', false, 'opened', 'clicked', 0.0, 0.3, 2.0),
            ('banner', false, 'reached', 'opened', 0.0, 0.9, 1.0),
            ('banner', false, 'opened', 'clicked', 0.0, 0.25, 2.0),
            ('banner', false, 'opened', 'dismissed', 0.25, 0.6, 2.0),
            ('tour', false, 'reached', 'opened', 0.0, 0.9, 1.0),
            ('tour', false, 'opened', 'completed', 0.0, 0.55, 4.0),
            ('tour', false, 'opened', 'dismissed', 0.55, 1.0, 1.0),
            ('carousel', false, 'reached', 'opened', 0.0, 0.9, 1.0),
            ('carousel', false, 'opened', 'completed', 0.0, 0.4, 3.0),
            ('chat', false, 'reached', 'opened', 0.0, 0.9, 1.0),
            ('chat', false, 'opened', 'replied', 0.0, 0.2, 5.0),
            ('bot', false, 'reached', 'opened', 0.0, 0.9, 1.0),
            ('bot', false, 'opened', 'replied', 0.0, 0.3, 3.0),
            ('bot', false, 'opened', 'dismissed', 0.3, 1.0, 1.0)
    ) as reactions(channel, inbox, after_kind, kind, at_least, below, mean_minutes)
