-- has_tag('vip') and not has_tag('It''s; drop table x --')
--   has_tag_vip_afc6a591: tag 'vip'
--   has_tag_it_s_drop_table_x_f0c8c355: tag "It's; drop table x --"
COALESCE(fact.has_tag_vip_afc6a591, FALSE) AND NOT COALESCE(fact.has_tag_it_s_drop_table_x_f0c8c355, FALSE)

-- did('login')
--   did_login_0fc38e95: name 'login', property None, at_least 1, within None
COALESCE(fact.did_login_0fc38e95, FALSE)

-- did('login', at_least => 2, within => '7 days')
--   did_login_b8a4f20e: name 'login', property None, at_least 2, within datetime.timedelta(days=7)
COALESCE(fact.did_login_b8a4f20e, FALSE)

-- DID('login', WITHIN => '1 week', AT_LEAST => 2)
--   did_login_b8a4f20e: name 'login', property None, at_least 2, within datetime.timedelta(days=7)
COALESCE(fact.did_login_b8a4f20e, FALSE)

-- did('login', where => plan = 'Pro' and amount > 10 and gift and not (amount <= 5.5))
--   did_login_0c19460e: name 'login', property None, at_least 1, within None
--     where COALESCE(JSON_EXTRACT_STRING(event.properties, '/plan') = 'Pro', FALSE) AND COALESCE(TRY_CAST(JSON_EXTRACT_STRING(event.properties, '/amount') AS DOUBLE) > 10, FALSE) AND COALESCE(TRY_CAST(JSON_EXTRACT_STRING(event.properties, '/gift') AS BOOLEAN), FALSE) AND NOT COALESCE(TRY_CAST(JSON_EXTRACT_STRING(event.properties, '/amount') AS DOUBLE) <= 5.5, FALSE)
COALESCE(fact.did_login_0c19460e, FALSE)

-- did('login', where => item in ('a', 'b') and count between 1 and 2 and note is null)
--   did_login_110fdafa: name 'login', property None, at_least 1, within None
--     where COALESCE(JSON_EXTRACT_STRING(event.properties, '/item') IN ('a', 'b'), FALSE) AND COALESCE(TRY_CAST(JSON_EXTRACT_STRING(event.properties, '/count') AS DOUBLE) BETWEEN 1 AND 2, FALSE) AND JSON_EXTRACT_STRING(event.properties, '/note') IS NULL
COALESCE(fact.did_login_110fdafa, FALSE)

-- did('login', where => lower("odd ""name\") = 'x' and amount + 1 > 2 and price = amount)
--   did_login_d271d950: name 'login', property None, at_least 1, within None
--     where COALESCE(LOWER(JSON_EXTRACT_STRING(event.properties, '/odd "name\')) = 'x', FALSE) AND COALESCE(TRY(TRY_CAST(JSON_EXTRACT_STRING(event.properties, '/amount') AS DOUBLE) + 1) > 2, FALSE) AND COALESCE(JSON_EXTRACT_STRING(event.properties, '/price') = JSON_EXTRACT_STRING(event.properties, '/amount'), FALSE)
COALESCE(fact.did_login_d271d950, FALSE)

-- did('login', where => try_cast(due as timestamp) > '2026-01-01' and due + interval '1 day' > '2026-01-01')
--   did_login_232e8a1b: name 'login', property None, at_least 1, within None
--     where COALESCE(TRY_CAST(TRY_CAST(JSON_EXTRACT_STRING(event.properties, '/due') AS TIMESTAMPTZ) AS TIMESTAMP) > CAST('2026-01-01 00:00:00' AS TIMESTAMP), FALSE) AND COALESCE(TRY(TRY_CAST(TRY_CAST(JSON_EXTRACT_STRING(event.properties, '/due') AS TIMESTAMPTZ) AS TIMESTAMP) + INTERVAL '1' DAY) > CAST('2026-01-01 00:00:00' AS TIMESTAMP), FALSE)
COALESCE(fact.did_login_232e8a1b, FALSE)

-- event_count('login') > 3 or event_count('login', within => '90 minutes') = 0
--   event_count_login_483ed027: name 'login', property None, at_least 1, within None
--   event_count_login_5f03fa74: name 'login', property None, at_least 1, within datetime.timedelta(seconds=5400)
COALESCE(fact.event_count_login_483ed027, 0) > 3 OR COALESCE(fact.event_count_login_5f03fa74, 0) = 0

-- event_sum('purchase', 'amount', within => '30 days', where => currency = 'EUR') >= 100
--   event_sum_purchase_3a903d09: name 'purchase', property 'amount', at_least 1, within datetime.timedelta(days=30)
--     where COALESCE(JSON_EXTRACT_STRING(event.properties, '/currency') = 'EUR', FALSE)
COALESCE(fact.event_sum_purchase_3a903d09, 0) >= 100

-- first_event('login') < now() - interval '3 hours' and last_event('login') is not null
--   first_event_login_64ee31de: name 'login', property None, at_least 1, within None
--   last_event_login_06baa990: name 'login', property None, at_least 1, within None
COALESCE(fact.first_event_login_64ee31de < subject.instant - INTERVAL '3' HOUR, FALSE) AND NOT fact.last_event_login_06baa990 IS NULL

-- received('mail') and opened('mail') and clicked('mail', link => 'https://example.com/?a=1;--')
--   received_mail_01f2aa43: block_id 'mail', link None
--   opened_mail_3988b5de: block_id 'mail', link None
--   clicked_mail_07ae4653: block_id 'mail', link 'https://example.com/?a=1;--'
COALESCE(fact.received_mail_01f2aa43, FALSE) AND COALESCE(fact.opened_mail_3988b5de, FALSE) AND COALESCE(fact.clicked_mail_07ae4653, FALSE)

-- replied('mail') or completed('mail') or dismissed('mail') or reacted('mail')
--   replied_mail_5338ce91: block_id 'mail', link None
--   completed_mail_09887abb: block_id 'mail', link None
--   dismissed_mail_438a398b: block_id 'mail', link None
--   reacted_mail_ebcbc6ec: block_id 'mail', link None
COALESCE(fact.replied_mail_5338ce91, FALSE) OR COALESCE(fact.completed_mail_09887abb, FALSE) OR COALESCE(fact.dismissed_mail_438a398b, FALSE) OR COALESCE(fact.reacted_mail_ebcbc6ec, FALSE)

-- in_series('other') or entered_series('other') or finished_series('other') or exited_series('other') or reached_goal('other')
--   in_series_other_fa796bd1: series_id 'other'
--   entered_series_other_5a7c0a6b: series_id 'other'
--   finished_series_other_07b46258: series_id 'other'
--   exited_series_other_eb04730c: series_id 'other'
--   reached_goal_other_72a4d3e4: series_id 'other'
COALESCE(fact.in_series_other_fa796bd1, FALSE) OR COALESCE(fact.entered_series_other_5a7c0a6b, FALSE) OR COALESCE(fact.finished_series_other_07b46258, FALSE) OR COALESCE(fact.exited_series_other_eb04730c, FALSE) OR COALESCE(fact.reached_goal_other_72a4d3e4, FALSE)

-- in_segment('active')
--   did_login_018ce3c4: name 'login', property None, at_least 1, within datetime.timedelta(days=7)
COALESCE(fact.did_login_018ce3c4, FALSE)

-- not in_segment('either') and has_tag('vip')
--   did_login_018ce3c4: name 'login', property None, at_least 1, within datetime.timedelta(days=7)
--   has_tag_vip_afc6a591: tag 'vip'
NOT (COALESCE(fact.did_login_018ce3c4, FALSE) OR COALESCE(customer."plan" = 'Pro', FALSE)) AND COALESCE(fact.has_tag_vip_afc6a591, FALSE)

-- company.tier = 'gold' and company.seats > sessions and plan = 'Pro'
COALESCE(company."tier" = 'gold', FALSE) AND COALESCE(TRY(company."seats" > customer."sessions"), FALSE) AND COALESCE(customer."plan" = 'Pro', FALSE)

-- did('trial', where => ends_at < now() + interval '3 days')
--   did_trial_ada151b9: name 'trial', property None, at_least 1, within None
--     where COALESCE(TRY_CAST(TRY_CAST(JSON_EXTRACT_STRING(event.properties, '/ends_at') AS TIMESTAMPTZ) AS TIMESTAMP) < subject.instant + INTERVAL '3' DAY, FALSE)
COALESCE(fact.did_trial_ada151b9, FALSE)
