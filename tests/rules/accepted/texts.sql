-- lower(plan) = 'pro' and upper(trim(plan)) = 'PRO'
COALESCE(LOWER(customer."plan") = 'pro', FALSE) AND COALESCE(UPPER(TRIM(customer."plan")) = 'PRO', FALSE)

-- substr(plan, 1, 2) = 'Pr' and substr(plan, -2) = 'ro'
COALESCE(SUBSTRING(customer."plan", 1, 2) = 'Pr', FALSE) AND COALESCE(SUBSTRING(customer."plan", -2) = 'ro', FALSE)

-- replace(plan, 'a', '') = 'b'
COALESCE(REPLACE(customer."plan", 'a', '') = 'b', FALSE)

-- starts_with(plan, 'P') and ends_with(plan, 'o') and not contains(lower(plan), 'x')
COALESCE(STARTS_WITH(customer."plan", 'P'), FALSE) AND COALESCE(ENDS_WITH(customer."plan", 'o'), FALSE) AND NOT COALESCE(CONTAINS(LOWER(customer."plan"), 'x'), FALSE)

-- concat(type, '-', plan) = 'user-Pro'
CONCAT(customer."type", '-', customer."plan") = 'user-Pro'

-- coalesce(plan, type, 'none') = 'none' and coalesce(plan, null) is null
COALESCE(customer."plan", customer."type", 'none') = 'none' AND COALESCE(customer."plan", NULL) IS NULL

-- try_cast(plan as integer) = 3 and try_cast(score as bigint) = 3 and try_cast(plan as decimal(10, 2)) > 1.5
COALESCE(TRY_CAST(ROUND(TRY_CAST(customer."plan" AS DECIMAL(38, 9))) AS BIGINT) = 3, FALSE) AND COALESCE(TRY_CAST(ROUND(customer."score") AS BIGINT) = 3, FALSE) AND COALESCE(TRY(TRY_CAST(customer."plan" AS DECIMAL(10, 2)) > 1.5), FALSE)

-- try_cast(plan as double) > 1 and try_cast(plan as boolean) and try_cast(sessions as text) = '3'
COALESCE(TRY_CAST(customer."plan" AS DOUBLE) > 1, FALSE) AND COALESCE(TRY_CAST(customer."plan" AS BOOLEAN), FALSE) AND COALESCE(TRY_CAST(customer."sessions" AS TEXT) = '3', FALSE)

-- plan = 'it''s; -- /* {{ x }} */ $as_of "'
COALESCE(customer."plan" = 'it''s; -- /* {{ x }} */ $as_of "', FALSE)

-- plan = ''
COALESCE(customer."plan" = '', FALSE)
