-- created_at > '2026-01-01'
COALESCE(customer."created_at" > CAST('2026-01-01 00:00:00' AS TIMESTAMP), FALSE)

-- created_at <= '2026-01-01 09:30:15.25'
COALESCE(customer."created_at" <= CAST('2026-01-01 09:30:15.250000' AS TIMESTAMP), FALSE)

-- created_at = '2026-01-01T10:00+02:00' or created_at = '2026-01-01 10:00 Z'
COALESCE(customer."created_at" = CAST('2026-01-01 08:00:00' AS TIMESTAMP), FALSE) OR COALESCE(customer."created_at" = CAST('2026-01-01 10:00:00' AS TIMESTAMP), FALSE)

-- created_at between '2026-01-01' and now()
COALESCE(customer."created_at" BETWEEN CAST('2026-01-01 00:00:00' AS TIMESTAMP) AND subject.instant, FALSE)

-- created_at in ('2026-01-01', '2026-01-02')
COALESCE(customer."created_at" IN (CAST('2026-01-01 00:00:00' AS TIMESTAMP), CAST('2026-01-02 00:00:00' AS TIMESTAMP)), FALSE)

-- coalesce(created_at, '2026-01-01') > trial_ends_at
COALESCE(COALESCE(customer."created_at", CAST('2026-01-01 00:00:00' AS TIMESTAMP)) > customer."trial_ends_at", FALSE)

-- created_at < now() - interval '3 days'
COALESCE(customer."created_at" < subject.instant - INTERVAL '3' DAY, FALSE)

-- trial_ends_at - interval 3 month < now()
COALESCE(TRY(customer."trial_ends_at" - INTERVAL '3' MONTH) < subject.instant, FALSE)

-- interval '2 weeks' + trial_ends_at > last_event('login')
--   last_event_login_06baa990: name 'login', property None, at_least 1, within None
COALESCE(TRY(customer."trial_ends_at" + INTERVAL '2' WEEK) > fact.last_event_login_06baa990, FALSE)

-- now() - trial_ends_at > interval '2 hours'
COALESCE(subject.instant > TRY(customer."trial_ends_at" + INTERVAL '2' HOUR), FALSE)

-- interval '2 days' >= trial_ends_at - created_at
COALESCE(customer."trial_ends_at" <= TRY(customer."created_at" + INTERVAL '2' DAY), FALSE)

-- date_trunc('month', created_at) = '2026-01-01' and date_trunc('day', now()) = created_at
COALESCE(DATE_TRUNC('MONTH', customer."created_at") = CAST('2026-01-01 00:00:00' AS TIMESTAMP), FALSE) AND COALESCE(DATE_TRUNC('DAY', subject.instant) = customer."created_at", FALSE)

-- try_cast(plan as timestamp) < now() and try_cast(plan as date) = '2026-01-01'
COALESCE(TRY_CAST(TRY_CAST(customer."plan" AS TIMESTAMPTZ) AS TIMESTAMP) < subject.instant, FALSE) AND COALESCE(DATE_TRUNC('DAY', TRY_CAST(TRY_CAST(customer."plan" AS TIMESTAMPTZ) AS TIMESTAMP)) = CAST('2026-01-01 00:00:00' AS TIMESTAMP), FALSE)

-- created_at + interval '100000 years' > now()
COALESCE(TRY(customer."created_at" + INTERVAL '100000' YEAR) > subject.instant, FALSE)

-- try_cast(now() as date) = '2026-03-02'
COALESCE(DATE_TRUNC('DAY', subject.instant) = CAST('2026-03-02 00:00:00' AS TIMESTAMP), FALSE)
