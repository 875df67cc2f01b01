-- How people answer messages: by email and on the telephone what was just handed off, in the product what they find
-- there on a visit between two instants. Nobody answers a message that was not handed off, or answers one anew.
-- Grain: one engagement; it may lie days ahead. Reads: series.messages, engagements, demo.people, demo.reactions,
-- demo.visits. Parameters: batch_ids (just handed off); since (the run that handed off), until (UTC).
with recursive
    places as (select distinct channel, inbox from demo.reactions),
    reached as (
        select message.message_id, message.channel, message.customer_id, message.payload, $since as reached_at
        from series.messages as message
        join places on places.channel = message.channel and places.inbox
        where message.status = 'handed_off' and message.batch_id in (select unnest($batch_ids))
        union all
        select message.message_id, message.channel, message.customer_id, message.payload, visit.visited_at as reached_at
        from demo.visits as visit
        join series.messages as message on message.customer_id = visit.customer_id
        join places on places.channel = message.channel and not places.inbox
        where
            visit.visited_at > $since
            and visit.visited_at <= $until
            and message.status = 'handed_off'
            and message.expires_at > visit.visited_at
            and not exists (select 1 from engagements as earlier where earlier.message_id = message.message_id)
    ),
    answers as (
        select
            reached.message_id,
            reached.channel,
            person.salt,
            person.zone,
            person.curiosity,
            reached.payload,
            'reached' as kind,
            reached.reached_at as occurred_at
        from reached
        join demo.people as person on person.customer_id = reached.customer_id
        union all
        select
            message_id,
            channel,
            salt,
            zone,
            curiosity,
            payload,
            kind,
            if(mean_minutes < 60, occurred_at, demo.awake(occurred_at, zone)) as occurred_at
        from
            (
                select
                    earlier.message_id,
                    earlier.channel,
                    earlier.salt,
                    earlier.zone,
                    earlier.curiosity,
                    earlier.payload,
                    reaction.kind,
                    reaction.mean_minutes,
                    earlier.occurred_at + demo.delay(
                        reaction.mean_minutes, demo.draw(earlier.salt, earlier.message_id || reaction.kind)
                    ) as occurred_at
                from answers as earlier
                join
                    demo.reactions as reaction
                    on reaction.channel = earlier.channel
                    and reaction.after_kind = earlier.kind
                where
                    -- What comes back by itself has nothing to do with being curious.
                    demo.draw(earlier.salt, earlier.message_id || ' after ' || earlier.kind)
                    / if(earlier.kind = 'reached', 1, earlier.curiosity)
                    between reaction.at_least and reaction.below
            ) as next_answers
    )
select message_id, kind, occurred_at, if(kind = 'clicked', payload ->> '$.link', null) as link
from answers
where kind != 'reached'
