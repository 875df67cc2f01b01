-- Which company those belong to who become customers between two instants.
-- Grain: one row per customer. Reads: demo.people. Parameters: since (not itself), until (UTC).
select customer_id, company_id from demo.people where appears_at > $since and appears_at <= $until
