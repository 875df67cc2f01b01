-- time: trial_ends_at - interval '3 days'
TRY(customer."trial_ends_at" - INTERVAL '3' DAY)

-- time: '2026-03-01 09:00'
CAST('2026-03-01 09:00:00' AS TIMESTAMP)

-- time: date_trunc('day', coalesce(trial_ends_at, created_at)) + interval '9 hours'
TRY(DATE_TRUNC('DAY', COALESCE(customer."trial_ends_at", customer."created_at")) + INTERVAL '9' HOUR)

-- time: case when plan = 'Pro' then trial_ends_at end
CASE WHEN COALESCE(customer."plan" = 'Pro', FALSE) THEN customer."trial_ends_at" END

-- text: email
customer."email"

-- text: coalesce(nullif(trim(email), ''), type)
COALESCE(NULLIF(TRIM(customer."email"), ''), customer."type")
