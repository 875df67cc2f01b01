-- plan = 'Pro'
COALESCE(customer."plan" = 'Pro', FALSE)

-- plan != 'Pro'
NOT COALESCE(customer."plan" = 'Pro', FALSE)

-- plan <> 'Pro'
NOT COALESCE(customer."plan" = 'Pro', FALSE)

-- not plan = 'Pro'
NOT COALESCE(customer."plan" = 'Pro', FALSE)

-- not not unsubscribed
NOT NOT COALESCE(customer."unsubscribed", FALSE)

-- unsubscribed
COALESCE(customer."unsubscribed", FALSE)

-- not unsubscribed
NOT COALESCE(customer."unsubscribed", FALSE)

-- unsubscribed = false
COALESCE(customer."unsubscribed" = FALSE, FALSE)

-- unsubscribed != true
NOT COALESCE(customer."unsubscribed" = TRUE, FALSE)

-- true
TRUE

-- plan = 'Pro' or type = 'user' and not sessions > 5
COALESCE(customer."plan" = 'Pro', FALSE) OR (COALESCE(customer."type" = 'user', FALSE) AND NOT COALESCE(customer."sessions" > 5, FALSE))

-- (plan = 'Pro' or type = 'user') and not (sessions > 5 or unsubscribed)
(COALESCE(customer."plan" = 'Pro', FALSE) OR COALESCE(customer."type" = 'user', FALSE)) AND NOT (COALESCE(customer."sessions" > 5, FALSE) OR COALESCE(customer."unsubscribed", FALSE))

-- not (plan = 'Pro' and type = 'user')
NOT (COALESCE(customer."plan" = 'Pro', FALSE) AND COALESCE(customer."type" = 'user', FALSE))

-- plan = 'a' or plan = 'b' or plan = 'c' or plan = 'd' or plan = 'e'
COALESCE(customer."plan" = 'a', FALSE) OR COALESCE(customer."plan" = 'b', FALSE) OR COALESCE(customer."plan" = 'c', FALSE) OR COALESCE(customer."plan" = 'd', FALSE) OR COALESCE(customer."plan" = 'e', FALSE)

-- plan in ('Pro', 'Team') and plan not in ('Free')
COALESCE(customer."plan" IN ('Pro', 'Team'), FALSE) AND NOT COALESCE(customer."plan" IN ('Free'), FALSE)

-- sessions between 1 and 3 and sessions not between -2 and 2
COALESCE(customer."sessions" BETWEEN 1 AND 3, FALSE) AND NOT COALESCE(customer."sessions" BETWEEN -2 AND 2, FALSE)

-- plan like 'P%' and plan not like '_r%' and plan ilike 'p%' and plan not ilike '%x'
COALESCE(customer."plan" LIKE 'P%', FALSE) AND NOT COALESCE(customer."plan" LIKE '_r%', FALSE) AND COALESCE(customer."plan" ILIKE 'p%', FALSE) AND NOT COALESCE(customer."plan" ILIKE '%x', FALSE)

-- plan is null or plan is not null
customer."plan" IS NULL OR NOT customer."plan" IS NULL

-- tags is not null
NOT customer."tags" IS NULL

-- (plan = 'Pro') = (type = 'user')
COALESCE(customer."plan" = 'Pro', FALSE) = COALESCE(customer."type" = 'user', FALSE)

-- sessions > 3 = unsubscribed
COALESCE(COALESCE(customer."sessions" > 3, FALSE) = customer."unsubscribed", FALSE)

-- case when plan = 'Pro' then sessions else 0 end > 3
COALESCE(CASE WHEN COALESCE(customer."plan" = 'Pro', FALSE) THEN customer."sessions" ELSE 0 END > 3, FALSE)

-- case plan when 'Free' then true when 'Pro' then unsubscribed end
COALESCE(CASE customer."plan" WHEN 'Free' THEN TRUE WHEN 'Pro' THEN customer."unsubscribed" END, FALSE)

-- PLAN = 'x' AND Lower(Plan) = 'x' AND "mixed case" IS NULL
COALESCE(customer."plan" = 'x', FALSE) AND COALESCE(LOWER(customer."plan") = 'x', FALSE) AND customer."Mixed Case" IS NULL

-- "a ""quoted"" name" = 'x'
COALESCE(customer."a ""quoted"" name" = 'x', FALSE)
