-- How many customers stand in each series, each counted once.
-- Grain: one series in which somebody stands.
-- Reads: series_state.open_visits.
select series_id, count(distinct entry_id) as customer_count from series_state.open_visits group by series_id
