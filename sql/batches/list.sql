-- Batches of some statuses, with what held them and what a person decided last.
-- Grain: one row per batch.
-- Reads: series.batches, series.guard_findings, series.batch_decisions. Parameters: statuses.
with
    numbered as (
        select
            batch_id,
            decision,
            why,
            decided_by,
            decided_at,
            row_number() over (partition by batch_id order by decided_at desc) as decisions_ago
        from series.batch_decisions
    )
select
    batch.batch_id,
    batch.series_id,
    batch.block_id,
    batch.channel,
    batch.sender,
    batch.as_of,
    batch.message_count,
    batch.status,
    string_agg(distinct finding.guard, ', ' order by finding.guard) as guards,
    decision.decision,
    decision.why,
    decision.decided_by,
    decision.decided_at,
    batch.attempts,
    batch.handed_off_at,
    batch.last_error,
    batch.parent_batch_id,
    batch.next_attempt_at
from series.batches as batch
left join series.guard_findings as finding on finding.as_of = batch.as_of and finding.series_id = batch.series_id
left join numbered as decision on decision.batch_id = batch.batch_id and decision.decisions_ago = 1
where batch.status in (select unnest($statuses))
group by all
order by batch.as_of, batch.batch_id
