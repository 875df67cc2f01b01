-- sessions = 5
COALESCE(customer."sessions" = 5, FALSE)

-- sessions > -5
COALESCE(customer."sessions" > -5, FALSE)

-- score > 1.5
COALESCE(TRY(customer."score" > 1.5), FALSE)

-- sessions > score
COALESCE(TRY(customer."sessions" > customer."score"), FALSE)

-- sessions + 1 * 2 > 3 - 4 / score
COALESCE(TRY(TRY(customer."sessions" + (1 * 2)) > TRY(3 - (4 / NULLIF(customer."score", 0)))), FALSE)

-- (sessions + 1) * 2 - (3 - 1) = -sessions
COALESCE(TRY(TRY(((customer."sessions" + 1) * 2) - (3 - 1)) = TRY(-customer."sessions")), FALSE)

-- sessions - (score - 1) > 0
COALESCE(TRY(customer."sessions" - (customer."score" - 1)) > 0, FALSE)

-- sessions / 2 > 1
COALESCE(TRY(customer."sessions" / 2) > 1, FALSE)

-- sessions / 0 is null
TRY(customer."sessions" / NULLIF(0, 0)) IS NULL

-- 1.5e3 > sessions
COALESCE(TRY(1.5e3 > customer."sessions"), FALSE)

-- sessions in (1, score)
COALESCE(TRY(customer."sessions" IN (1, customer."score")), FALSE)

-- coalesce(sessions, 0) = 0
COALESCE(customer."sessions", 0) = 0

-- coalesce(sessions, score) > 1
COALESCE(TRY(COALESCE(customer."sessions", customer."score")) > 1, FALSE)

-- greatest(sessions, 2) = least(score, 3)
COALESCE(TRY(GREATEST(customer."sessions", 2) = LEAST(customer."score", 3)), FALSE)

-- abs(sessions) = 1 and round(score) = 1 and round(score, 2) = 1.25 and round(score, -2) = 100
COALESCE(TRY(ABS(customer."sessions")) = 1, FALSE) AND COALESCE(TRY(ROUND(customer."score")) = 1, FALSE) AND COALESCE(TRY(TRY(ROUND(customer."score", 2)) = 1.25), FALSE) AND COALESCE(TRY(ROUND(customer."score", -2)) = 100, FALSE)

-- floor(score) < ceil(score)
COALESCE(TRY(FLOOR(customer."score") < CEIL(customer."score")), FALSE)

-- nullif(sessions, 0) > 1
COALESCE(NULLIF(customer."sessions", 0) > 1, FALSE)

-- case when sessions > 1 then sessions else score end > 2
COALESCE(TRY(CASE WHEN COALESCE(customer."sessions" > 1, FALSE) THEN customer."sessions" ELSE customer."score" END) > 2, FALSE)

-- length(plan) > 3
COALESCE(LENGTH(customer."plan") > 3, FALSE)

-- extract(month from created_at) in (1, 2) or extract(isodow from now()) = 1
COALESCE(EXTRACT(MONTH FROM customer."created_at") IN (1, 2), FALSE) OR COALESCE(EXTRACT(ISODOW FROM subject.instant) = 1, FALSE)

-- extract(dow from now()) in (0, 6) or extract(second from created_at) = 0
COALESCE(EXTRACT(ISODOW FROM subject.instant) % 7 IN (0, 6), FALSE) OR COALESCE(CAST(FLOOR(EXTRACT(SECOND FROM customer."created_at")) AS BIGINT) = 0, FALSE)
