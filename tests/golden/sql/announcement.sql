-- What a run of announcement at 2026-03-02T09:00Z executes.

set timezone = 'UTC';

begin;

create schema if not exists series_state;

create schema if not exists series;

create table if not exists series_state.meta (
    schema_version INTEGER,
    target VARCHAR,
    has_customer_tags BOOLEAN
);

create table if not exists series.ticks (
    tick_id VARCHAR,
    as_of TIMESTAMP,
    series_id VARCHAR,
    definition_hash VARCHAR,
    status VARCHAR,
    entered BIGINT,
    held_out BIGINT,
    reopened BIGINT,
    advanced BIGINT,
    merged BIGINT,
    waits_ended BIGINT,
    tags_written BIGINT,
    messages_queued BIGINT,
    goals BIGINT,
    ended BIGINT,
    customers_missing BIGINT,
    committed_at TIMESTAMP
);

create table if not exists series.definitions (
    definition_hash VARCHAR,
    series_id VARCHAR,
    text VARCHAR,
    first_as_of TIMESTAMP
);

create table if not exists series.entries (
    entry_id BIGINT,
    series_id VARCHAR,
    customer_id VARCHAR,
    entry_number BIGINT,
    arm VARCHAR,
    entered_at TIMESTAMP,
    status VARCHAR,
    ended_at TIMESTAMP,
    goal_at TIMESTAMP,
    goal_met_at_entry BOOLEAN,
    entry_rules VARCHAR[],
    goal_closed BOOLEAN,
    path_finished BOOLEAN,
    superseded BOOLEAN,
    attributes JSON,
    goal_value DOUBLE,
    goal_event_at TIMESTAMP
);

create table if not exists series_state.open_visits (
    entry_id BIGINT,
    series_id VARCHAR,
    customer_id VARCHAR,
    entry_number BIGINT,
    block_id VARCHAR,
    kind VARCHAR,
    arrived_at TIMESTAMP,
    arrived_as_of TIMESTAMP,
    deadline_at TIMESTAMP,
    blocked_by VARCHAR,
    message_id VARCHAR,
    queued_at TIMESTAMP
);

create table if not exists series_state.closed_visits (
    entry_id BIGINT,
    series_id VARCHAR,
    customer_id VARCHAR,
    block_id VARCHAR,
    arrived_at TIMESTAMP,
    arrived_as_of TIMESTAMP,
    deadline_at TIMESTAMP,
    left_at TIMESTAMP,
    left_as_of TIMESTAMP,
    outcome VARCHAR
);

create table if not exists series.advances (
    entry_id BIGINT,
    series_id VARCHAR,
    customer_id VARCHAR,
    from_block VARCHAR,
    to_block VARCHAR,
    advanced_at TIMESTAMP,
    as_of TIMESTAMP,
    merged BOOLEAN
);

create table if not exists series.tag_writes (
    entry_id BIGINT,
    series_id VARCHAR,
    block_id VARCHAR,
    customer_id VARCHAR,
    tag VARCHAR,
    action VARCHAR,
    as_of TIMESTAMP,
    tag_write_id VARCHAR,
    batch_id VARCHAR,
    status VARCHAR
);

create table if not exists series_state.pending_tags (
    customer_id VARCHAR,
    tag VARCHAR,
    action VARCHAR,
    as_of TIMESTAMP
);

create table if not exists series.messages (
    message_id VARCHAR,
    entry_id BIGINT,
    series_id VARCHAR,
    block_id VARCHAR,
    customer_id VARCHAR,
    channel VARCHAR,
    address VARCHAR,
    queued_at TIMESTAMP,
    expires_at TIMESTAMP,
    payload JSON,
    batch_id VARCHAR,
    status VARCHAR,
    received_at TIMESTAMP,
    goal_at TIMESTAMP,
    goal_closed BOOLEAN,
    provider_message_id VARCHAR
);

create table if not exists series_state.first_engagements (
    message_id VARCHAR,
    series_id VARCHAR,
    kind VARCHAR,
    occurred_at TIMESTAMP,
    as_of TIMESTAMP
);

create table if not exists series.batches (
    batch_id VARCHAR,
    as_of TIMESTAMP,
    series_id VARCHAR,
    block_id VARCHAR,
    channel VARCHAR,
    sender VARCHAR,
    message_count BIGINT,
    status VARCHAR,
    attempts INTEGER,
    handed_off_at TIMESTAMP,
    last_error VARCHAR,
    parent_batch_id VARCHAR,
    next_attempt_at TIMESTAMP,
    offers BIGINT
);

create table if not exists series_state.absent_messages (
    message_id VARCHAR
);

create table if not exists series.batch_decisions (
    batch_id VARCHAR,
    decision VARCHAR,
    why VARCHAR,
    decided_by VARCHAR,
    decided_at TIMESTAMP
);

create table if not exists series.guard_findings (
    as_of TIMESTAMP,
    series_id VARCHAR,
    source VARCHAR,
    block_id VARCHAR,
    guard VARCHAR,
    observed DOUBLE,
    allowed DOUBLE,
    customers BIGINT,
    action VARCHAR,
    decided_by VARCHAR
);

create table if not exists series_state.source_counts (
    source VARCHAR,
    row_count BIGINT,
    as_of TIMESTAMP
);

create or replace view series_state.outgoing as
select message_id, customer_id, address, channel, series_id, block_id, entry_id, queued_at, expires_at,
    cast(payload as varchar) as payload, batch_id, status
from series.messages
union all
select tag_write_id as message_id, customer_id, cast(null as varchar) as address, 'tags' as channel, series_id,
    block_id, entry_id, as_of as queued_at, cast(null as timestamp) as expires_at,
    cast(json_object('tag', tag, 'action', action, 'customer_id', customer_id) as varchar) as payload, batch_id, status
from series.tag_writes;

create or replace view series.visits as
select entry_id, series_id, block_id, customer_id, arrived_at, deadline_at,
    cast(null as timestamp) as left_at, cast(null as varchar) as outcome, blocked_by,
    arrived_as_of, cast(null as timestamp) as left_as_of
from series_state.open_visits
union all
select entry_id, series_id, block_id, customer_id, arrived_at, deadline_at,
    left_at, outcome, cast(null as varchar) as blocked_by, arrived_as_of, left_as_of
from series_state.closed_visits;

create or replace view series.wait_expiries as
select entry_id, series_id, block_id, customer_id, arrived_at, deadline_at, left_at, outcome, left_as_of as as_of
from series_state.closed_visits
where outcome = 'waited';

insert into series_state.meta (schema_version)
select 9 as schema_version
where not exists (select 1 from series_state.meta);

-- view source_customers
create or replace temp view source_customers as
select
    "customer_id" as "customer_id",
    "type" as "type",
    "email" as "email",
    "first_name" as "first_name",
    "plan" as "plan",
    "timezone" as "timezone",
    "country" as "country",
    "created_at" as "created_at",
    "trial_ends_at" as "trial_ends_at",
    "unsubscribed" as "unsubscribed"
from "customers";

-- view source_companies
create or replace temp view source_companies as
select
    "company_id" as "company_id",
    "tier" as "tier"
from "companies";

-- view source_customer_companies
create or replace temp view source_customer_companies as
select
    "customer_id" as "customer_id",
    "company_id" as "company_id"
from "customer_companies";

-- view source_events
create or replace temp view source_events as
select
    "customer_id" as "customer_id",
    "name" as "name",
    "occurred_at" as "occurred_at",
    cast("properties" as varchar) as "properties"
from "events";

-- view source_engagements
create or replace temp view source_engagements as
select
    "message_id" as "message_id",
    "kind" as "kind",
    "occurred_at" as "occurred_at",
    "link" as "link"
from "engagements";

-- view source_customer_tags
create or replace temp view source_customer_tags as
select
    "customer_id" as "customer_id",
    "tag" as "tag"
from "customer_tags";

-- view source_company_members
create or replace temp view source_company_members as
select
    link.customer_id,
    company.company_id,
    company."tier"
from source_customer_companies as link
join source_companies as company on company.company_id = link.company_id;

-- must return nothing: repeated ids of customers

select customer_id, count(*) as row_count
from source_customers
group by customer_id
having count(*) > 1 or customer_id is null
order by row_count desc, cast(customer_id as varchar)
limit 5
;

-- must return nothing: repeated ids of companies

select company_id, count(*) as row_count
from source_companies
group by company_id
having count(*) > 1 or company_id is null
order by row_count desc, cast(company_id as varchar)
limit 5
;

-- table run_series
create or replace temp table run_series (
    series_id varchar,
    status varchar,
    definition_hash varchar,
    text varchar
);

-- rows of run_series
insert into run_series (series_id, status, definition_hash, text)
values
    ('announcement', 'live', '341d9da5d8ebeb7b801410ec246b4cfa04119809884ca0f092eee19304a08243', '# yaml-language-server: $schema=.schema/series.json
series: announcement
title: Announce the new reports
description: >-
  Tells users about a new feature once: by a banner while they work, by email if they do not come by. Paying customers
  get a look around as well. To announce something else, copy this file under a new name.
owner: Product marketing
status: live
schedule: hourly

exit: has_tag(''left'')
goal:
  rule: did(''created_report'')
  within: 14 days
  exits: false # Who tries the reports on the first day shall still get the tour of them.

blocks:
  # Whoever is active now enters at once; whoever comes back later, as long as this runs, enters then.
  active_users:
    label: Active users
    rule: type = ''user'' and in_segment(''active'')
    then: [announcement_day, pays]

  announcement_day: # Everybody hears of it at the same time of the week.
    label: Wait for Tuesday morning
    wait_until: tuesday 09:00
    then: banner
  banner:
    label: Banner
    content: banner
    title: Reports are here
    body: See where your time goes, per project and per week.
    link: https://example.com/reports
    try_for: 3 days
    then: clicked_banner
    else: email
  clicked_banner:
    label: Clicked the banner?
    rule: clicked(''banner'', link => ''https://example.com/reports'')
    within: 2 days
    then: tag_informed
    else: email
  email:
    label: Email for those who missed it
    content: email
    subject: Reports are here
    preheader: See where your time goes
    body: |
      Hi {{ first_name | default(''there'') }},

      from today on you can see where your time goes, per project and per week:
      https://example.com/reports
    link: https://example.com/reports
    try_for: 7 days # The next Tuesday is among them, whenever the banner was missed.
    send: {days: [tue, wed, thu], from: "09:00", to: "17:00", timezone: customer}
    then: tag_informed

  # Side by side with the above.
  pays:
    label: Paying customer?
    rule: in_segment(''paying'')
    then: wait_for_feature
  wait_for_feature:
    label: Wait for Tuesday noon
    wait_until: tuesday 12:00
    then: tour
  tour:
    label: Tour of the reports
    content: tour
    title: Your first report
    body: Pick a project, pick a week, done. We show you how.
    try_for: 14 days
    then: tag_informed

  tag_informed: # Both paths end here; whoever comes second changes nothing.
    label: Knows about it
    tag: knows-reports
# segments.yml at that time:
#   active: did(''login'', within => ''7 days'')
#   silent: did(''login'') and not did(''login'', within => ''21 days'')
#   paying: plan in (''Pro'', ''Premium'')
#   team: did(''invited_teammate'')
#   trial_ending: not in_segment(''paying'') and trial_ends_at > now() and trial_ends_at <= now() + interval ''7 days''
');

-- table run_blocks
create or replace temp table run_blocks (
    series_id varchar,
    block_id varchar,
    kind varchar,
    level integer,
    batch integer,
    level_batch integer,
    is_late boolean,
    duration interval,
    lag interval,
    channel varchar,
    receipts boolean,
    send_window varchar,
    tag varchar,
    action varchar,
    leads_on boolean
);

-- rows of run_blocks
insert into run_blocks (series_id, block_id, kind, level, batch, level_batch, is_late, duration, lag, channel, receipts, send_window, tag, action, leads_on)
values
    ('announcement', 'active_users', 'rule', 0, 0, 0, false, interval '0' day, interval '0' day, null, true, null, null, null, true),
    ('announcement', 'announcement_day', 'wait', 1, 0, 0, false, null, interval '0' day, null, true, null, null, null, true),
    ('announcement', 'banner', 'content', 2, 0, 0, false, interval '3' day, interval '0' day, 'banner', true, null, null, null, true),
    ('announcement', 'clicked_banner', 'rule', 1, 0, 0, false, interval '2' day, interval '0' day, null, true, null, null, null, true),
    ('announcement', 'email', 'content', 2, 0, 0, false, interval '7' day, interval '0' day, 'email', true, 'customer', null, null, true),
    ('announcement', 'pays', 'rule', 1, 0, 0, false, interval '0' day, interval '0' day, null, true, null, null, null, true),
    ('announcement', 'wait_for_feature', 'wait', 2, 0, 0, false, null, interval '0' day, null, true, null, null, null, true),
    ('announcement', 'tour', 'content', 3, 0, 0, false, interval '14' day, interval '0' day, 'tour', true, null, null, null, true),
    ('announcement', 'tag_informed', 'tag', 2, 0, 0, false, null, interval '0' day, null, true, null, 'knows-reports', 'add', false);

-- table run_connections
create or replace temp table run_connections (
    series_id varchar,
    from_block varchar,
    from_position integer,
    is_good boolean,
    to_block varchar,
    to_level integer,
    acts_now boolean
);

-- rows of run_connections
insert into run_connections (series_id, from_block, from_position, is_good, to_block, to_level, acts_now)
values
    ('announcement', 'active_users', 0, true, 'announcement_day', 1, false),
    ('announcement', 'active_users', 0, true, 'pays', 1, false),
    ('announcement', 'announcement_day', 1, true, 'banner', 2, true),
    ('announcement', 'banner', 2, true, 'clicked_banner', 1, false),
    ('announcement', 'banner', 2, false, 'email', 2, true),
    ('announcement', 'clicked_banner', 3, true, 'tag_informed', 2, true),
    ('announcement', 'clicked_banner', 3, false, 'email', 2, true),
    ('announcement', 'email', 4, true, 'tag_informed', 2, true),
    ('announcement', 'pays', 5, true, 'wait_for_feature', 2, false),
    ('announcement', 'wait_for_feature', 6, true, 'tour', 3, true),
    ('announcement', 'tour', 7, true, 'tag_informed', 2, true);

-- table run_channels
create or replace temp table run_channels (
    channel varchar,
    sender varchar
);

-- rows of run_channels
insert into run_channels (channel, sender)
values
    ('banner', 'outbox'),
    ('email', 'outbox'),
    ('tour', 'outbox'),
    ('post', 'outbox'),
    ('bot', 'outbox'),
    ('push', 'outbox');

-- write series.definitions
insert into series.definitions (definition_hash, series_id, text, first_as_of)
select version.definition_hash, version.series_id, version.text, timestamp '2026-03-02 09:00:00' as first_as_of
from run_series as version
left join
    series.definitions as known
    on known.definition_hash = version.definition_hash
    and known.series_id = version.series_id
where known.definition_hash is null;

-- source of tags
update series_state.meta set has_customer_tags = true
where has_customer_tags is distinct from true;

-- table run_moments
create or replace temp table run_moments (
    series_id varchar,
    block_id varchar,
    previous_at timestamp,
    moment_at timestamp
);

-- rows of run_moments
insert into run_moments (series_id, block_id, previous_at, moment_at)
values
    ('announcement', 'announcement_day', timestamp '2026-02-24 09:00:00', timestamp '2026-03-03 09:00:00'),
    ('announcement', 'wait_for_feature', timestamp '2026-02-24 12:00:00', timestamp '2026-03-03 12:00:00');

-- table run_open_windows
create or replace temp table run_open_windows (
    series_id varchar,
    block_id varchar,
    timezone varchar
);

-- table run_engagements
create or replace temp table run_engagements (
    message_id varchar,
    series_id varchar,
    kind varchar,
    occurred_at timestamp,
    queued_at timestamp,
    known_received_at timestamp
);

-- table run_receipts
create or replace temp table run_receipts (
    message_id varchar,
    received_at timestamp
);

-- table run_goals
create or replace temp table run_goals (
    entry_id bigint,
    series_id varchar,
    goal_at timestamp,
    goal_value double,
    goal_event_at timestamp
);

-- table run_message_goals
create or replace temp table run_message_goals (
    message_id varchar,
    goal_at timestamp,
    is_closed boolean
);

-- table run_ends
create or replace temp table run_ends (
    entry_id bigint,
    series_id varchar,
    customer_id varchar,
    status varchar
);

-- table run_matches
create or replace temp table run_matches (
    series_id varchar,
    block_id varchar,
    customer_id varchar,
    entry_id bigint,
    newest_entry_id bigint,
    newest_entry_number bigint,
    newest_status varchar
);

-- table run_kept_out
create or replace temp table run_kept_out (
    series_id varchar,
    customer_id varchar
);

-- table run_new_entries
create or replace temp table run_new_entries (
    entry_id bigint,
    series_id varchar,
    customer_id varchar,
    entry_number bigint,
    arm varchar,
    status varchar,
    goal_met_at_entry boolean,
    entry_rules varchar[],
    previous_entry_id bigint
);

-- table run_visits
create or replace temp table run_visits (
    entry_id bigint,
    series_id varchar,
    customer_id varchar,
    entry_number bigint,
    block_id varchar,
    kind varchar,
    arrived_at timestamp,
    arrived_as_of timestamp,
    deadline_at timestamp,
    blocked_by varchar,
    message_id varchar,
    queued_at timestamp,
    left_at timestamp,
    outcome varchar,
    is_new boolean
);

-- table run_advances
create or replace temp table run_advances (
    entry_id bigint,
    series_id varchar,
    customer_id varchar,
    entry_number bigint,
    from_block varchar,
    to_block varchar,
    advanced_at timestamp,
    merged boolean
);

-- table run_messages
create or replace temp table run_messages (
    message_id varchar,
    entry_id bigint,
    series_id varchar,
    block_id varchar,
    customer_id varchar,
    channel varchar,
    expires_at timestamp,
    received_at timestamp,
    batch_id varchar
);

-- table run_tag_writes
create or replace temp table run_tag_writes (
    entry_id bigint,
    series_id varchar,
    block_id varchar,
    customer_id varchar,
    tag varchar,
    action varchar,
    as_of timestamp,
    tag_write_id varchar,
    batch_id varchar,
    status varchar
);

-- table run_progress
create or replace temp table run_progress (
    entry_id bigint,
    open_visits bigint,
    path_finished boolean
);

-- table run_entries
create or replace temp table run_entries (
    entry_id bigint,
    series_id varchar,
    customer_id varchar,
    entry_number bigint,
    arm varchar,
    entered_at timestamp,
    status varchar,
    ended_at timestamp,
    goal_at timestamp,
    goal_met_at_entry boolean,
    entry_rules varchar[],
    goal_closed boolean,
    path_finished boolean,
    superseded boolean,
    attributes json,
    goal_value double,
    goal_event_at timestamp,
    has_reached_goal boolean,
    is_reopened boolean
);

-- table run_pending_tags
create or replace temp table run_pending_tags (
    customer_id varchar,
    tag varchar,
    action varchar,
    as_of timestamp
);

-- engagements
insert into run_engagements (message_id, series_id, kind, occurred_at, queued_at, known_received_at)
with
    unseen as (
        select engagement.message_id, engagement.kind, min(engagement.occurred_at) as occurred_at
        from source_engagements as engagement
        left join
            series_state.first_engagements as known
            on known.message_id = engagement.message_id
            and known.kind = engagement.kind
        where
            engagement.kind in ('delivered', 'opened', 'clicked', 'replied', 'completed', 'dismissed', 'reacted', 'bounced', 'failed', 'unsubscribed', 'complained')
            and engagement.occurred_at <= timestamp '2026-03-02 09:00:00'
            and known.message_id is null
        group by engagement.message_id, engagement.kind
    )
select
    message.message_id,
    message.series_id,
    unseen.kind,
    unseen.occurred_at,
    message.queued_at,
    message.received_at as known_received_at
from unseen
join series.messages as message on message.message_id = unseen.message_id
join source_customers as customer on customer.customer_id = message.customer_id
where message.series_id in ('announcement');

-- receipts
insert into run_receipts (message_id, received_at)
select message_id, greatest(min(occurred_at), queued_at) as received_at
from run_engagements
where kind in ('delivered', 'opened', 'clicked', 'replied', 'completed', 'dismissed', 'reacted') and known_received_at is null
group by message_id, queued_at;

-- goals
insert into run_goals (entry_id, series_id, goal_at, goal_value, goal_event_at)
with
    timed as (
        select
            entry_id,
            series_id,
            customer_id,
            entered_at,
            case
                series_id  when 'announcement' then interval '14' day             end as duration,
            case series_id  when 'announcement' then interval '0' day  end as lag
        from series.entries
        where
            series_id in ('announcement')
            and goal_at is null
            and not goal_met_at_entry
            and not goal_closed
    ),
    subject as (
        select
            entry_id,
            series_id,
            customer_id,
            least(timestamp '2026-03-02 09:00:00', entered_at + duration) as instant,
            entered_at as visible_after,
            timestamp '2026-03-02 09:00:00' >= entered_at + duration + lag as closes
        from timed
    ),
            event_facts as (
                select
                    moment.customer_id,
                    moment.instant,
 moment.visible_after,
                    max(event.occurred_at) filter (where event.name = 'created_report') is not null as "did_created_report_6fa2103b",
        min(event.occurred_at) filter (where event.name = 'created_report') as "first_event_created_report_24ba4568"
                from
                    (
                        select distinct customer_id, instant, visible_after
                        from subject
                    ) as moment
                join source_events as event on event.customer_id = moment.customer_id
                where
                    (event.name = 'created_report') and event.occurred_at <= moment.instant and event.occurred_at > moment.visible_after
                group by moment.customer_id, moment.instant, moment.visible_after
        ),
judged as (
        select
            subject.entry_id,
            subject.series_id,
            subject.instant,
            subject.closes,
 cast(null as double) as goal_value,
                case  when subject.series_id = 'announcement' then (event_facts.first_event_created_report_24ba4568)  end as goal_event_at,
            (         (subject.series_id = 'announcement' and (COALESCE(event_facts.did_created_report_6fa2103b, FALSE)))
) as holds
        from subject
        join
            source_customers as customer on customer.customer_id = subject.customer_id
                    left join
                event_facts on event_facts.customer_id = subject.customer_id and event_facts.instant = subject.instant and event_facts.visible_after = subject.visible_after
    )
select
    entry_id,
    series_id,
    case when holds then instant end as goal_at,
    case when holds then cast(goal_value as double) end as goal_value,
    case when holds then goal_event_at end as goal_event_at
from judged
where holds or closes;

-- exits
insert into run_ends (entry_id, series_id, customer_id, status)
with
    subject as (
        select
            entry.entry_id,
            entry.series_id,
            entry.customer_id,
            timestamp '2026-03-02 09:00:00' as instant,
 false as reached_goal,
            entry.series_id in ('') as is_stopped
        from series.entries as entry
        join run_series as ran on ran.series_id = entry.series_id
        where entry.status = 'active'
    ),
            tag_facts as (
            select tagged.customer_id, bool_or(tagged.tag = 'left') as "has_tag_left_770c6b3b"
            from
                (
                    select source_tag.customer_id, source_tag.tag
                    from source_customer_tags as source_tag
                    left join
                        series_state.pending_tags as pending
                        on pending.customer_id = source_tag.customer_id
                        and pending.tag = source_tag.tag
                    where source_tag.tag in ('left') and pending.customer_id is null
                    union all
                    select pending.customer_id, pending.tag
                    from series_state.pending_tags as pending
                    where pending.tag in ('left') and pending.action = 'add'
                ) as tagged
            group by tagged.customer_id
        ),
    judged as (
        select
            subject.entry_id,
            subject.series_id,
            subject.customer_id,
            case
                when subject.reached_goal
                then 'goal'
                    when customer.customer_id is not null and (         (subject.series_id = 'announcement' and (COALESCE(tag_facts.has_tag_left_770c6b3b, FALSE)))
)
                    then 'exited'
                when subject.is_stopped
                then 'stopped'
            end as status
        from subject
            left join
                source_customers as customer on customer.customer_id = subject.customer_id
                  left join tag_facts on tag_facts.customer_id = customer.customer_id
    )
select entry_id, series_id, customer_id, status
from judged
where status is not null;

-- write series_state.closed_visits
insert into series_state.closed_visits (entry_id, series_id, customer_id, block_id, arrived_at, arrived_as_of, deadline_at, left_at, left_as_of, outcome)
select
    visit.entry_id,
    visit.series_id,
    visit.customer_id,
    visit.block_id,
    visit.arrived_at,
    visit.arrived_as_of,
    visit.deadline_at,
    timestamp '2026-03-02 09:00:00' as left_at,
    timestamp '2026-03-02 09:00:00' as left_as_of,
    ended.status as outcome
from series_state.open_visits as visit
join run_ends as ended on ended.entry_id = visit.entry_id;

-- clear series_state.open_visits
delete from series_state.open_visits as target
where exists (
select 1
from (
select entry_id
from run_ends
) as gone
where gone.entry_id = target.entry_id
);

-- entry rules
insert into run_matches (series_id, block_id, customer_id, entry_id, newest_entry_id, newest_entry_number, newest_status)
with
            event_facts as (
                select event.customer_id, max(event.occurred_at) filter (where event.name = 'login') > timestamp '2026-03-02 09:00:00' - interval '7' day as "did_login_018ce3c4"
                from source_events as event
                where ((event.name = 'login' and event.occurred_at > timestamp '2026-03-02 09:00:00' - interval '7' day)) and event.occurred_at <= timestamp '2026-03-02 09:00:00'
                group by event.customer_id
        ),
matches as (
            select
                'announcement' as series_id,
                'active_users' as block_id,
                customer.customer_id,
                newest.entry_id as newest_entry_id,
                newest.entry_number as newest_entry_number,
                newest.status as newest_status
            from source_customers as customer
            left join
                (
                    select
                        entry.entry_id,
                        entry.customer_id,
                        entry.entry_number,
                        entry.status as status,
                            entry.status in ('active', 'finished', 'disengaged')
                            and not list_contains(entry.entry_rules, 'active_users') as may_pass
                    from series.entries as entry
                    where entry.series_id = 'announcement' and not entry.superseded
                ) as newest
                on newest.customer_id = customer.customer_id
  left join event_facts on event_facts.customer_id = customer.customer_id
            where (newest.entry_id is null or newest.may_pass) and (COALESCE(customer."type" = 'user', FALSE) AND COALESCE(event_facts.did_login_018ce3c4, FALSE))
    )
select
    match.series_id,
    match.block_id,
    match.customer_id,
    case
        when coalesce(ended.status, match.newest_status) = 'active'
        then match.newest_entry_id
        when match.series_id not in ('')
        then match.newest_entry_id
    end as entry_id,
    match.newest_entry_id,
    match.newest_entry_number,
    coalesce(ended.status, match.newest_status) as newest_status
from matches as match
left join run_ends as ended on ended.entry_id = match.newest_entry_id
where
    -- Who was let through as active and is not any more may go on only where an ended entry may.
    ended.status is null
    or match.series_id in ('')
    or (ended.status in ('finished', 'disengaged') and match.series_id not in (''));

-- exit rules before entry
insert into run_kept_out (series_id, customer_id)
with
    subject as (
        select distinct series_id, customer_id, entry_id, timestamp '2026-03-02 09:00:00' as instant
        from run_matches
        where series_id in ('announcement')
    ),
            tag_facts as (
            select tagged.customer_id, bool_or(tagged.tag = 'left') as "has_tag_left_770c6b3b"
            from
                (
                    select source_tag.customer_id, source_tag.tag
                    from source_customer_tags as source_tag
                    left join
                        series_state.pending_tags as pending
                        on pending.customer_id = source_tag.customer_id
                        and pending.tag = source_tag.tag
                    where source_tag.tag in ('left') and pending.customer_id is null
                    union all
                    select pending.customer_id, pending.tag
                    from series_state.pending_tags as pending
                    where pending.tag in ('left') and pending.action = 'add'
                ) as tagged
            group by tagged.customer_id
        ),
kept_out as (
        select subject.series_id, subject.customer_id
        from subject
        join
            source_customers as customer on customer.customer_id = subject.customer_id
             left join tag_facts on tag_facts.customer_id = customer.customer_id
        where          (subject.series_id = 'announcement' and (COALESCE(tag_facts.has_tag_left_770c6b3b, FALSE)))
    )
select series_id, customer_id
from kept_out;

-- new entries
insert into run_new_entries (entry_id, series_id, customer_id, entry_number, arm, status, goal_met_at_entry, entry_rules, previous_entry_id)
with
    allowed as (
        select match.series_id, match.customer_id, match.block_id, match.newest_entry_id, match.newest_entry_number
        from run_matches as match
        left join
            run_kept_out as kept_out
            on kept_out.series_id = match.series_id
            and kept_out.customer_id = match.customer_id
        where match.entry_id is null and kept_out.customer_id is null
    ),
    beginners as (
            select
                series_id,
                customer_id,
                coalesce(newest_entry_number, 0) + 1 as entry_number,
                newest_entry_id as previous_entry_id,
                [block_id] as entry_rules
            from allowed
            where series_id in ('announcement')
    ),
        subject as (
            select series_id, customer_id, cast(null as bigint) as entry_id, timestamp '2026-03-02 09:00:00' as instant
            from beginners
            where series_id in ('announcement')
        ),
        met_goals as (
            select subject.series_id, subject.customer_id
            from subject
            join
                source_customers as customer on customer.customer_id = subject.customer_id
            where          (subject.series_id = 'announcement' and (COALESCE(CAST(NULL AS BOOLEAN), FALSE)))
        ),
    numbered as (
        select
            series_id,
            customer_id,
            entry_number,
            previous_entry_id,
            entry_rules,
            row_number() over (order by series_id, customer_id) as row_number,
            0 < 0 as is_held_out
        from beginners
    )
select
    (select coalesce(max(entry_id), 0) from series.entries) + numbered.row_number as entry_id,
    numbered.series_id,
    numbered.customer_id,
    numbered.entry_number,
    case when numbered.is_held_out then 'holdout' else 'treatment' end as arm,
    case when numbered.is_held_out then 'held_out' else 'active' end as status,
    met_goal.customer_id is not null as goal_met_at_entry,
    numbered.entry_rules,
    numbered.previous_entry_id
from numbered
    left join
        met_goals as met_goal on met_goal.series_id = numbered.series_id and met_goal.customer_id = numbered.customer_id;

-- visits of entry rules
insert into run_visits (entry_id, series_id, customer_id, entry_number, block_id, kind, arrived_at, arrived_as_of, deadline_at, blocked_by, message_id, queued_at, left_at, outcome, is_new)
with
    arrivals as (
        select new_entry.entry_id, new_entry.series_id, new_entry.customer_id, new_entry.entry_number, match.block_id
        from run_matches as match
        join
            run_new_entries as new_entry
            on new_entry.series_id = match.series_id
            and new_entry.customer_id = match.customer_id
        where match.entry_id is null and new_entry.arm = 'treatment'
        union all
        select
            match.entry_id,
            match.series_id,
            match.customer_id,
            match.newest_entry_number as entry_number,
            match.block_id
        from run_matches as match
        left join
            run_kept_out as kept_out
            on kept_out.series_id = match.series_id
            and kept_out.customer_id = match.customer_id
        left join series.visits as visited on visited.entry_id = match.entry_id and visited.block_id = match.block_id
        where match.entry_id is not null and kept_out.customer_id is null and visited.entry_id is null
    )
select
    entry_id,
    series_id,
    customer_id,
    entry_number,
    block_id,
    'rule' as kind,
    timestamp '2026-03-02 09:00:00' as arrived_at,
    timestamp '2026-03-02 09:00:00' as arrived_as_of,
    timestamp '2026-03-02 09:00:00' as deadline_at,
    cast(null as varchar) as blocked_by,
    cast(null as varchar) as message_id,
    cast(null as timestamp) as queued_at,
    timestamp '2026-03-02 09:00:00' as left_at,
    'matched' as outcome,
    true as is_new
from arrivals;

-- customers standing at rule blocks
insert into run_visits (entry_id, series_id, customer_id, entry_number, block_id, kind, arrived_at, arrived_as_of, deadline_at, blocked_by, message_id, queued_at, left_at, outcome, is_new)
with
    visits as (        select
                visit.entry_id,
                visit.series_id,
                visit.customer_id,
                visit.entry_number,
                visit.block_id,
                visit.arrived_at,
                visit.arrived_as_of,
                visit.arrived_at + block.duration as deadline_at,
                visit.deadline_at as known_deadline_at,
                visit.blocked_by as known_blocked_by,
                visit.message_id,
                visit.queued_at,
                block.lag,
                block.channel,
                block.receipts,
                block.send_window,
                false as is_new
            from series_state.open_visits as visit
            join run_blocks as block on block.series_id = visit.series_id and block.block_id = visit.block_id
            where
                visit.kind = 'rule'
                and not block.is_late and block.batch = 0
),
    subject as (
        select
            entry_id,
            series_id,
            customer_id,
            entry_number,
            block_id,
            arrived_at,
            arrived_as_of,
            deadline_at,
            known_deadline_at,
            lag,
            is_new,
            least(timestamp '2026-03-02 09:00:00', deadline_at) as instant
        from visits
    ),
            engagement_facts as (
            select moment.entry_id, moment.instant, coalesce(bool_or(message.block_id = 'banner' and engagement.kind in ('clicked') and engagement.link = 'https://example.com/reports'), false) as "clicked_banner_757dfc9a"
            from
                (
                    select entry_id, instant
                    from subject
                        where (subject.series_id = 'announcement' and subject.block_id = 'clicked_banner')
                ) as moment
            join
                (
                    select entry_id, series_id, block_id, message_id, queued_at
                    from series.messages
                    where
                        series_id in ('announcement')
                        and block_id in ('banner')
                ) as message
                on message.entry_id = moment.entry_id
            join
                source_engagements as engagement
                on engagement.message_id = message.message_id
                and engagement.occurred_at <= moment.instant
                and engagement.kind in ('clicked')
            group by moment.entry_id, moment.instant
        ),
judged as (
        select
            subject.entry_id,
            subject.series_id,
            subject.customer_id,
            subject.entry_number,
            subject.block_id,
            subject.arrived_at,
            subject.arrived_as_of,
            subject.deadline_at,
            subject.known_deadline_at,
            subject.is_new,
            subject.instant,
            timestamp '2026-03-02 09:00:00' >= subject.deadline_at + subject.lag as is_over,
            (         (subject.series_id = 'announcement' and subject.block_id = 'clicked_banner' and (COALESCE(engagement_facts.clicked_banner_757dfc9a, FALSE)))
                    or  (subject.series_id = 'announcement' and subject.block_id = 'pays' and (COALESCE(customer."plan" IN ('Pro', 'Premium'), FALSE)))
) as holds
        from subject
        join
            source_customers as customer on customer.customer_id = subject.customer_id
                    left join
                engagement_facts
                on engagement_facts.entry_id = subject.entry_id
                and engagement_facts.instant = subject.instant
    )
select
    entry_id,
    series_id,
    customer_id,
    entry_number,
    block_id,
    'rule' as kind,
    arrived_at,
    arrived_as_of,
    deadline_at,
    cast(null as varchar) as blocked_by,
    cast(null as varchar) as message_id,
    cast(null as timestamp) as queued_at,
    case when holds then instant when is_over then deadline_at end as left_at,
    case when holds then 'matched' when is_over then 'not_matched' end as outcome,
    is_new
from judged
where is_new or holds or is_over or deadline_at is distinct from known_deadline_at;

-- customers standing at wait blocks
insert into run_visits (entry_id, series_id, customer_id, entry_number, block_id, kind, arrived_at, arrived_as_of, deadline_at, blocked_by, message_id, queued_at, left_at, outcome, is_new)
with
    visits as (        select
                visit.entry_id,
                visit.series_id,
                visit.customer_id,
                visit.entry_number,
                visit.block_id,
                visit.arrived_at,
                visit.arrived_as_of,
                visit.arrived_at + block.duration as deadline_at,
                visit.deadline_at as known_deadline_at,
                visit.blocked_by as known_blocked_by,
                visit.message_id,
                visit.queued_at,
                block.lag,
                block.channel,
                block.receipts,
                block.send_window,
                false as is_new
            from series_state.open_visits as visit
            join run_blocks as block on block.series_id = visit.series_id and block.block_id = visit.block_id
            where
                visit.kind = 'wait'
                and not block.is_late
),
    timed as (
        select
            visit.entry_id,
            visit.series_id,
            visit.customer_id,
            visit.entry_number,
            visit.block_id,
            visit.arrived_at,
            visit.arrived_as_of,
            visit.known_deadline_at,
            visit.is_new,
                case
 when visit.series_id = 'announcement' and visit.block_id = 'announcement_day' then moment.moment_at  when visit.series_id = 'announcement' and visit.block_id = 'wait_for_feature' then moment.moment_at                     else visit.deadline_at
                end as moment
        from visits as visit
        join source_customers as customer on customer.customer_id = visit.customer_id
            left join
                run_moments as moment
                on moment.series_id = visit.series_id
                and moment.block_id = visit.block_id
                and visit.arrived_at > moment.previous_at
                and visit.arrived_at <= moment.moment_at
    ),
    due as (
        select
            entry_id,
            series_id,
            customer_id,
            entry_number,
            block_id,
            arrived_at,
            arrived_as_of,
            known_deadline_at,
            is_new,
            case when moment < arrived_at then arrived_at else moment end as due_at
        from timed
    )
select
    entry_id,
    series_id,
    customer_id,
    entry_number,
    block_id,
    'wait' as kind,
    arrived_at,
    arrived_as_of,
    due_at as deadline_at,
    cast(null as varchar) as blocked_by,
    cast(null as varchar) as message_id,
    cast(null as timestamp) as queued_at,
    case when timestamp '2026-03-02 09:00:00' >= due_at then due_at end as left_at,
    case when timestamp '2026-03-02 09:00:00' >= due_at then 'waited' end as outcome,
    is_new
from due
where is_new or timestamp '2026-03-02 09:00:00' >= due_at or due_at is distinct from known_deadline_at;

-- customers standing at content blocks
insert into run_visits (entry_id, series_id, customer_id, entry_number, block_id, kind, arrived_at, arrived_as_of, deadline_at, blocked_by, message_id, queued_at, left_at, outcome, is_new)
with
    visits as (        select
                visit.entry_id,
                visit.series_id,
                visit.customer_id,
                visit.entry_number,
                visit.block_id,
                visit.arrived_at,
                visit.arrived_as_of,
                visit.arrived_at + block.duration as deadline_at,
                visit.deadline_at as known_deadline_at,
                visit.blocked_by as known_blocked_by,
                visit.message_id,
                visit.queued_at,
                block.lag,
                block.channel,
                block.receipts,
                block.send_window,
                false as is_new
            from series_state.open_visits as visit
            join run_blocks as block on block.series_id = visit.series_id and block.block_id = visit.block_id
            where
                visit.kind = 'content'
                and not block.is_late
),
        proofs as (
            select
                visit.entry_id,
                visit.block_id,
                min(engagement.occurred_at) filter (
                    where engagement.kind in ('delivered', 'opened', 'clicked', 'replied', 'completed', 'dismissed', 'reacted')
                ) as received_at,
                min(engagement.occurred_at) filter (
                    where engagement.kind in ('bounced', 'failed')
                ) as failed_at
            from (select entry_id, block_id, deadline_at, message_id from visits where message_id is not null) as visit
            join source_engagements as engagement on engagement.message_id = visit.message_id
            where engagement.occurred_at <= least(timestamp '2026-03-02 09:00:00', visit.deadline_at)
            group by visit.entry_id, visit.block_id
        ),
    subject as (
        select entry_id, series_id, customer_id, block_id, channel, send_window, timestamp '2026-03-02 09:00:00' as instant
        from visits
        where message_id is null
    ),
    reachable as (
        select
            subject.entry_id,
            subject.block_id,
            customer.customer_id is not null as is_present,
            case
                when customer.customer_id is null
                then 'customer_missing'
                    when
                        subject.channel = 'email'
                        and not coalesce(regexp_matches(trim(cast(customer."email" as varchar)), '\S'), false)
                    then 'no_address'
                    when
                        subject.channel in ('email')
                        and not (         (subject.channel = 'email' and (NOT COALESCE(customer."unsubscribed", FALSE)))
)
                    then 'no_consent'
                    when
                        subject.send_window is not null and open_window.series_id is null
                    then 'send_window'
            end as blocked_by
        from subject
        left join source_customers as customer on customer.customer_id = subject.customer_id
            left join
                run_open_windows as open_window
                on open_window.series_id = subject.series_id
                and open_window.block_id = subject.block_id
                and open_window.timezone
                = case when subject.send_window = 'customer' then coalesce(cast(customer."timezone" as varchar), '') else '' end
    ),
    judged as (
        select
            visit.entry_id,
            visit.series_id,
            visit.customer_id,
            visit.entry_number,
            visit.block_id,
            visit.arrived_at,
            visit.arrived_as_of,
                case
                    when present.customer_id is null then visit.known_deadline_at else visit.deadline_at
                end as deadline_at,
            visit.known_deadline_at,
            visit.known_blocked_by,
            visit.message_id,
            visit.queued_at,
            visit.receipts,
            visit.is_new,
            present.customer_id is not null as is_present,
            reachable.blocked_by as blocked_by,
            timestamp '2026-03-02 09:00:00' >= visit.deadline_at + visit.lag as is_over,
            visit.message_id is null and reachable.blocked_by is null and timestamp '2026-03-02 09:00:00' < visit.deadline_at as may_queue,
                coalesce(proof.received_at <= coalesce(proof.failed_at, proof.received_at), false) as is_received,
                case
                    when proof.received_at <= coalesce(proof.failed_at, proof.received_at)
                    then proof.received_at
                    else proof.failed_at
                end as proved_at
        from visits as visit
            left join source_customers as present on present.customer_id = visit.customer_id
            left join proofs as proof on proof.entry_id = visit.entry_id and proof.block_id = visit.block_id
        left join reachable on reachable.entry_id = visit.entry_id and reachable.block_id = visit.block_id
            where
                visit.message_id is null
                or proof.entry_id is not null
                or not visit.receipts
                or timestamp '2026-03-02 09:00:00' >= visit.deadline_at + visit.lag
                or visit.deadline_at is distinct from visit.known_deadline_at
    ),
    decided as (
        select
            entry_id,
            series_id,
            customer_id,
            entry_number,
            block_id,
            arrived_at,
            arrived_as_of,
            deadline_at,
            known_deadline_at,
            known_blocked_by,
            message_id,
            queued_at,
            is_new,
            may_queue,
            case when not may_queue and message_id is null then blocked_by end as blocked_by,
            case
                when not is_present
                then null
                when proved_at is not null
                then greatest(proved_at, queued_at)
                when not receipts and (may_queue or message_id is not null)
                then timestamp '2026-03-02 09:00:00'
                when is_over
                then deadline_at
            end as left_at,
            case
                when not is_present
                then null
                when proved_at is not null
                then case when is_received then 'delivered' else 'not_delivered' end
                when not receipts and (may_queue or message_id is not null)
                then 'delivered'
                when is_over
                then 'not_delivered'
            end as outcome
        from judged
    )
select
    entry_id,
    series_id,
    customer_id,
    entry_number,
    block_id,
    'content' as kind,
    arrived_at,
    arrived_as_of,
    deadline_at,
    case when outcome is null then blocked_by end as blocked_by,
    case when may_queue then md5(series_id || '/' || block_id || '/' || cast(entry_number as varchar) || '/' || cast(customer_id as varchar)) else message_id end as message_id,
    case when may_queue then timestamp '2026-03-02 09:00:00' else queued_at end as queued_at,
    left_at,
    outcome,
    is_new
from decided
where
    is_new
    or may_queue
    or outcome is not null
    or deadline_at is distinct from known_deadline_at
    or blocked_by is distinct from known_blocked_by;

-- advances to level 1
insert into run_advances (entry_id, series_id, customer_id, entry_number, from_block, to_block, advanced_at, merged)
with
    moves as (
        select
            visit.entry_id,
            visit.series_id,
            visit.customer_id,
            visit.entry_number,
            connection.from_block,
            connection.to_block,
            case when connection.acts_now then timestamp '2026-03-02 09:00:00' else visit.left_at end as advanced_at,
 1 as arrival_number
        from run_visits as visit
        join
            run_connections as connection
            on connection.series_id = visit.series_id
            and connection.from_block = visit.block_id
            and connection.is_good = (visit.outcome in ('matched', 'waited', 'tagged', 'delivered'))
        where connection.to_level = 1 and visit.left_at is not null
    )
select
    move.entry_id,
    move.series_id,
    move.customer_id,
    move.entry_number,
    move.from_block,
    move.to_block,
    move.advanced_at,
 false as merged
from moves as move;

-- rule blocks at level 1
insert into run_visits (entry_id, series_id, customer_id, entry_number, block_id, kind, arrived_at, arrived_as_of, deadline_at, blocked_by, message_id, queued_at, left_at, outcome, is_new)
with
    visits as (        select
                advance.entry_id,
                advance.series_id,
                advance.customer_id,
                advance.entry_number,
                advance.to_block as block_id,
                advance.advanced_at as arrived_at,
                timestamp '2026-03-02 09:00:00' as arrived_as_of,
                advance.advanced_at + block.duration as deadline_at,
                cast(null as timestamp) as known_deadline_at,
                cast(null as varchar) as known_blocked_by,
                cast(null as varchar) as message_id,
                cast(null as timestamp) as queued_at,
                block.lag,
                block.channel,
                block.receipts,
                block.send_window,
                true as is_new
            from run_advances as advance
            join run_blocks as block on block.series_id = advance.series_id and block.block_id = advance.to_block
            where
                block.kind = 'rule' and block.level = 1 and not advance.merged and block.level_batch = 0
),
    subject as (
        select
            entry_id,
            series_id,
            customer_id,
            entry_number,
            block_id,
            arrived_at,
            arrived_as_of,
            deadline_at,
            known_deadline_at,
            lag,
            is_new,
            least(timestamp '2026-03-02 09:00:00', deadline_at) as instant
        from visits
    ),
            engagement_facts as (
            select moment.entry_id, moment.instant, coalesce(bool_or(message.block_id = 'banner' and engagement.kind in ('clicked') and engagement.link = 'https://example.com/reports'), false) as "clicked_banner_757dfc9a"
            from
                (
                    select entry_id, instant
                    from subject
                        where (subject.series_id = 'announcement' and subject.block_id = 'clicked_banner')
                ) as moment
            join
                (
                    select entry_id, series_id, block_id, message_id, queued_at
                    from series.messages
                    where
                        series_id in ('announcement')
                        and block_id in ('banner')
                ) as message
                on message.entry_id = moment.entry_id
            join
                source_engagements as engagement
                on engagement.message_id = message.message_id
                and engagement.occurred_at <= moment.instant
                and engagement.kind in ('clicked')
            group by moment.entry_id, moment.instant
        ),
judged as (
        select
            subject.entry_id,
            subject.series_id,
            subject.customer_id,
            subject.entry_number,
            subject.block_id,
            subject.arrived_at,
            subject.arrived_as_of,
            subject.deadline_at,
            subject.known_deadline_at,
            subject.is_new,
            subject.instant,
            timestamp '2026-03-02 09:00:00' >= subject.deadline_at + subject.lag as is_over,
            (         (subject.series_id = 'announcement' and subject.block_id = 'clicked_banner' and (COALESCE(engagement_facts.clicked_banner_757dfc9a, FALSE)))
                    or  (subject.series_id = 'announcement' and subject.block_id = 'pays' and (COALESCE(customer."plan" IN ('Pro', 'Premium'), FALSE)))
) as holds
        from subject
        join
            source_customers as customer on customer.customer_id = subject.customer_id
                    left join
                engagement_facts
                on engagement_facts.entry_id = subject.entry_id
                and engagement_facts.instant = subject.instant
    )
select
    entry_id,
    series_id,
    customer_id,
    entry_number,
    block_id,
    'rule' as kind,
    arrived_at,
    arrived_as_of,
    deadline_at,
    cast(null as varchar) as blocked_by,
    cast(null as varchar) as message_id,
    cast(null as timestamp) as queued_at,
    case when holds then instant when is_over then deadline_at end as left_at,
    case when holds then 'matched' when is_over then 'not_matched' end as outcome,
    is_new
from judged
where is_new or holds or is_over or deadline_at is distinct from known_deadline_at;

-- wait blocks at level 1
insert into run_visits (entry_id, series_id, customer_id, entry_number, block_id, kind, arrived_at, arrived_as_of, deadline_at, blocked_by, message_id, queued_at, left_at, outcome, is_new)
with
    visits as (        select
                advance.entry_id,
                advance.series_id,
                advance.customer_id,
                advance.entry_number,
                advance.to_block as block_id,
                advance.advanced_at as arrived_at,
                timestamp '2026-03-02 09:00:00' as arrived_as_of,
                advance.advanced_at + block.duration as deadline_at,
                cast(null as timestamp) as known_deadline_at,
                cast(null as varchar) as known_blocked_by,
                cast(null as varchar) as message_id,
                cast(null as timestamp) as queued_at,
                block.lag,
                block.channel,
                block.receipts,
                block.send_window,
                true as is_new
            from run_advances as advance
            join run_blocks as block on block.series_id = advance.series_id and block.block_id = advance.to_block
            where
                block.kind = 'wait' and block.level = 1 and not advance.merged
),
    timed as (
        select
            visit.entry_id,
            visit.series_id,
            visit.customer_id,
            visit.entry_number,
            visit.block_id,
            visit.arrived_at,
            visit.arrived_as_of,
            visit.known_deadline_at,
            visit.is_new,
                case
 when visit.series_id = 'announcement' and visit.block_id = 'announcement_day' then moment.moment_at                     else visit.deadline_at
                end as moment
        from visits as visit
        join source_customers as customer on customer.customer_id = visit.customer_id
            left join
                run_moments as moment
                on moment.series_id = visit.series_id
                and moment.block_id = visit.block_id
                and visit.arrived_at > moment.previous_at
                and visit.arrived_at <= moment.moment_at
    ),
    due as (
        select
            entry_id,
            series_id,
            customer_id,
            entry_number,
            block_id,
            arrived_at,
            arrived_as_of,
            known_deadline_at,
            is_new,
            case when moment < arrived_at then arrived_at else moment end as due_at
        from timed
    )
select
    entry_id,
    series_id,
    customer_id,
    entry_number,
    block_id,
    'wait' as kind,
    arrived_at,
    arrived_as_of,
    due_at as deadline_at,
    cast(null as varchar) as blocked_by,
    cast(null as varchar) as message_id,
    cast(null as timestamp) as queued_at,
    case when timestamp '2026-03-02 09:00:00' >= due_at then due_at end as left_at,
    case when timestamp '2026-03-02 09:00:00' >= due_at then 'waited' end as outcome,
    is_new
from due
where is_new or timestamp '2026-03-02 09:00:00' >= due_at or due_at is distinct from known_deadline_at;

-- advances to level 2
insert into run_advances (entry_id, series_id, customer_id, entry_number, from_block, to_block, advanced_at, merged)
with
    moves as (
        select
            visit.entry_id,
            visit.series_id,
            visit.customer_id,
            visit.entry_number,
            connection.from_block,
            connection.to_block,
            case when connection.acts_now then timestamp '2026-03-02 09:00:00' else visit.left_at end as advanced_at,
                row_number() over (
                    partition by visit.entry_id, connection.to_block order by visit.left_at, connection.from_position
                ) as arrival_number
        from run_visits as visit
        join
            run_connections as connection
            on connection.series_id = visit.series_id
            and connection.from_block = visit.block_id
            and connection.is_good = (visit.outcome in ('matched', 'waited', 'tagged', 'delivered'))
        where connection.to_level = 2 and visit.left_at is not null
    )
select
    move.entry_id,
    move.series_id,
    move.customer_id,
    move.entry_number,
    move.from_block,
    move.to_block,
    move.advanced_at,
 move.arrival_number > 1 or visited.entry_id is not null as merged
from moves as move
    left join series.visits as visited on visited.entry_id = move.entry_id and visited.block_id = move.to_block;

-- wait blocks at level 2
insert into run_visits (entry_id, series_id, customer_id, entry_number, block_id, kind, arrived_at, arrived_as_of, deadline_at, blocked_by, message_id, queued_at, left_at, outcome, is_new)
with
    visits as (        select
                advance.entry_id,
                advance.series_id,
                advance.customer_id,
                advance.entry_number,
                advance.to_block as block_id,
                advance.advanced_at as arrived_at,
                timestamp '2026-03-02 09:00:00' as arrived_as_of,
                advance.advanced_at + block.duration as deadline_at,
                cast(null as timestamp) as known_deadline_at,
                cast(null as varchar) as known_blocked_by,
                cast(null as varchar) as message_id,
                cast(null as timestamp) as queued_at,
                block.lag,
                block.channel,
                block.receipts,
                block.send_window,
                true as is_new
            from run_advances as advance
            join run_blocks as block on block.series_id = advance.series_id and block.block_id = advance.to_block
            where
                block.kind = 'wait' and block.level = 2 and not advance.merged
),
    timed as (
        select
            visit.entry_id,
            visit.series_id,
            visit.customer_id,
            visit.entry_number,
            visit.block_id,
            visit.arrived_at,
            visit.arrived_as_of,
            visit.known_deadline_at,
            visit.is_new,
                case
 when visit.series_id = 'announcement' and visit.block_id = 'wait_for_feature' then moment.moment_at                     else visit.deadline_at
                end as moment
        from visits as visit
        join source_customers as customer on customer.customer_id = visit.customer_id
            left join
                run_moments as moment
                on moment.series_id = visit.series_id
                and moment.block_id = visit.block_id
                and visit.arrived_at > moment.previous_at
                and visit.arrived_at <= moment.moment_at
    ),
    due as (
        select
            entry_id,
            series_id,
            customer_id,
            entry_number,
            block_id,
            arrived_at,
            arrived_as_of,
            known_deadline_at,
            is_new,
            case when moment < arrived_at then arrived_at else moment end as due_at
        from timed
    )
select
    entry_id,
    series_id,
    customer_id,
    entry_number,
    block_id,
    'wait' as kind,
    arrived_at,
    arrived_as_of,
    due_at as deadline_at,
    cast(null as varchar) as blocked_by,
    cast(null as varchar) as message_id,
    cast(null as timestamp) as queued_at,
    case when timestamp '2026-03-02 09:00:00' >= due_at then due_at end as left_at,
    case when timestamp '2026-03-02 09:00:00' >= due_at then 'waited' end as outcome,
    is_new
from due
where is_new or timestamp '2026-03-02 09:00:00' >= due_at or due_at is distinct from known_deadline_at;

-- content blocks at level 2
insert into run_visits (entry_id, series_id, customer_id, entry_number, block_id, kind, arrived_at, arrived_as_of, deadline_at, blocked_by, message_id, queued_at, left_at, outcome, is_new)
with
    visits as (        select
                advance.entry_id,
                advance.series_id,
                advance.customer_id,
                advance.entry_number,
                advance.to_block as block_id,
                advance.advanced_at as arrived_at,
                timestamp '2026-03-02 09:00:00' as arrived_as_of,
                advance.advanced_at + block.duration as deadline_at,
                cast(null as timestamp) as known_deadline_at,
                cast(null as varchar) as known_blocked_by,
                cast(null as varchar) as message_id,
                cast(null as timestamp) as queued_at,
                block.lag,
                block.channel,
                block.receipts,
                block.send_window,
                true as is_new
            from run_advances as advance
            join run_blocks as block on block.series_id = advance.series_id and block.block_id = advance.to_block
            where
                block.kind = 'content' and block.level = 2 and not advance.merged
),
    subject as (
        select entry_id, series_id, customer_id, block_id, channel, send_window, timestamp '2026-03-02 09:00:00' as instant
        from visits
        where message_id is null
    ),
    reachable as (
        select
            subject.entry_id,
            subject.block_id,
            customer.customer_id is not null as is_present,
            case
                when customer.customer_id is null
                then 'customer_missing'
                    when
                        subject.channel = 'email'
                        and not coalesce(regexp_matches(trim(cast(customer."email" as varchar)), '\S'), false)
                    then 'no_address'
                    when
                        subject.channel in ('email')
                        and not (         (subject.channel = 'email' and (NOT COALESCE(customer."unsubscribed", FALSE)))
)
                    then 'no_consent'
                    when
                        subject.send_window is not null and open_window.series_id is null
                    then 'send_window'
            end as blocked_by
        from subject
        left join source_customers as customer on customer.customer_id = subject.customer_id
            left join
                run_open_windows as open_window
                on open_window.series_id = subject.series_id
                and open_window.block_id = subject.block_id
                and open_window.timezone
                = case when subject.send_window = 'customer' then coalesce(cast(customer."timezone" as varchar), '') else '' end
    ),
    judged as (
        select
            visit.entry_id,
            visit.series_id,
            visit.customer_id,
            visit.entry_number,
            visit.block_id,
            visit.arrived_at,
            visit.arrived_as_of,
 visit.deadline_at,
            visit.known_deadline_at,
            visit.known_blocked_by,
            visit.message_id,
            visit.queued_at,
            visit.receipts,
            visit.is_new,
            reachable.is_present as is_present,
            reachable.blocked_by as blocked_by,
            timestamp '2026-03-02 09:00:00' >= visit.deadline_at + visit.lag as is_over,
            visit.message_id is null and reachable.blocked_by is null and timestamp '2026-03-02 09:00:00' < visit.deadline_at as may_queue,
 false as is_received, cast(null as timestamp) as proved_at
        from visits as visit
        left join reachable on reachable.entry_id = visit.entry_id and reachable.block_id = visit.block_id
    ),
    decided as (
        select
            entry_id,
            series_id,
            customer_id,
            entry_number,
            block_id,
            arrived_at,
            arrived_as_of,
            deadline_at,
            known_deadline_at,
            known_blocked_by,
            message_id,
            queued_at,
            is_new,
            may_queue,
            case when not may_queue and message_id is null then blocked_by end as blocked_by,
            case
                when not is_present
                then null
                when proved_at is not null
                then greatest(proved_at, queued_at)
                when not receipts and (may_queue or message_id is not null)
                then timestamp '2026-03-02 09:00:00'
                when is_over
                then deadline_at
            end as left_at,
            case
                when not is_present
                then null
                when proved_at is not null
                then case when is_received then 'delivered' else 'not_delivered' end
                when not receipts and (may_queue or message_id is not null)
                then 'delivered'
                when is_over
                then 'not_delivered'
            end as outcome
        from judged
    )
select
    entry_id,
    series_id,
    customer_id,
    entry_number,
    block_id,
    'content' as kind,
    arrived_at,
    arrived_as_of,
    deadline_at,
    case when outcome is null then blocked_by end as blocked_by,
    case when may_queue then md5(series_id || '/' || block_id || '/' || cast(entry_number as varchar) || '/' || cast(customer_id as varchar)) else message_id end as message_id,
    case when may_queue then timestamp '2026-03-02 09:00:00' else queued_at end as queued_at,
    left_at,
    outcome,
    is_new
from decided
where
    is_new
    or may_queue
    or outcome is not null
    or deadline_at is distinct from known_deadline_at
    or blocked_by is distinct from known_blocked_by;

-- tag blocks at level 2
insert into run_visits (entry_id, series_id, customer_id, entry_number, block_id, kind, arrived_at, arrived_as_of, deadline_at, blocked_by, message_id, queued_at, left_at, outcome, is_new)
with visits as (        select
                advance.entry_id,
                advance.series_id,
                advance.customer_id,
                advance.entry_number,
                advance.to_block as block_id,
                advance.advanced_at as arrived_at,
                timestamp '2026-03-02 09:00:00' as arrived_as_of,
                advance.advanced_at + block.duration as deadline_at,
                cast(null as timestamp) as known_deadline_at,
                cast(null as varchar) as known_blocked_by,
                cast(null as varchar) as message_id,
                cast(null as timestamp) as queued_at,
                block.lag,
                block.channel,
                block.receipts,
                block.send_window,
                true as is_new
            from run_advances as advance
            join run_blocks as block on block.series_id = advance.series_id and block.block_id = advance.to_block
            where
                block.kind = 'tag' and block.level = 2 and not advance.merged
)
select
    visit.entry_id,
    visit.series_id,
    visit.customer_id,
    visit.entry_number,
    visit.block_id,
    'tag' as kind,
    visit.arrived_at,
    visit.arrived_as_of,
    cast(null as timestamp) as deadline_at,
    cast(null as varchar) as blocked_by,
    cast(null as varchar) as message_id,
    cast(null as timestamp) as queued_at,
    timestamp '2026-03-02 09:00:00' as left_at,
    'tagged' as outcome,
    visit.is_new
from visits as visit
join source_customers as customer on customer.customer_id = visit.customer_id;

-- advances to level 3
insert into run_advances (entry_id, series_id, customer_id, entry_number, from_block, to_block, advanced_at, merged)
with
    moves as (
        select
            visit.entry_id,
            visit.series_id,
            visit.customer_id,
            visit.entry_number,
            connection.from_block,
            connection.to_block,
            case when connection.acts_now then timestamp '2026-03-02 09:00:00' else visit.left_at end as advanced_at,
 1 as arrival_number
        from run_visits as visit
        join
            run_connections as connection
            on connection.series_id = visit.series_id
            and connection.from_block = visit.block_id
            and connection.is_good = (visit.outcome in ('matched', 'waited', 'tagged', 'delivered'))
        where connection.to_level = 3 and visit.left_at is not null
    )
select
    move.entry_id,
    move.series_id,
    move.customer_id,
    move.entry_number,
    move.from_block,
    move.to_block,
    move.advanced_at,
 false as merged
from moves as move;

-- content blocks at level 3
insert into run_visits (entry_id, series_id, customer_id, entry_number, block_id, kind, arrived_at, arrived_as_of, deadline_at, blocked_by, message_id, queued_at, left_at, outcome, is_new)
with
    visits as (        select
                advance.entry_id,
                advance.series_id,
                advance.customer_id,
                advance.entry_number,
                advance.to_block as block_id,
                advance.advanced_at as arrived_at,
                timestamp '2026-03-02 09:00:00' as arrived_as_of,
                advance.advanced_at + block.duration as deadline_at,
                cast(null as timestamp) as known_deadline_at,
                cast(null as varchar) as known_blocked_by,
                cast(null as varchar) as message_id,
                cast(null as timestamp) as queued_at,
                block.lag,
                block.channel,
                block.receipts,
                block.send_window,
                true as is_new
            from run_advances as advance
            join run_blocks as block on block.series_id = advance.series_id and block.block_id = advance.to_block
            where
                block.kind = 'content' and block.level = 3 and not advance.merged
),
    subject as (
        select entry_id, series_id, customer_id, block_id, channel, send_window, timestamp '2026-03-02 09:00:00' as instant
        from visits
        where message_id is null
    ),
    reachable as (
        select
            subject.entry_id,
            subject.block_id,
            customer.customer_id is not null as is_present,
            case
                when customer.customer_id is null
                then 'customer_missing'
            end as blocked_by
        from subject
        left join source_customers as customer on customer.customer_id = subject.customer_id
    ),
    judged as (
        select
            visit.entry_id,
            visit.series_id,
            visit.customer_id,
            visit.entry_number,
            visit.block_id,
            visit.arrived_at,
            visit.arrived_as_of,
 visit.deadline_at,
            visit.known_deadline_at,
            visit.known_blocked_by,
            visit.message_id,
            visit.queued_at,
            visit.receipts,
            visit.is_new,
            reachable.is_present as is_present,
            reachable.blocked_by as blocked_by,
            timestamp '2026-03-02 09:00:00' >= visit.deadline_at + visit.lag as is_over,
            visit.message_id is null and reachable.blocked_by is null and timestamp '2026-03-02 09:00:00' < visit.deadline_at as may_queue,
 false as is_received, cast(null as timestamp) as proved_at
        from visits as visit
        left join reachable on reachable.entry_id = visit.entry_id and reachable.block_id = visit.block_id
    ),
    decided as (
        select
            entry_id,
            series_id,
            customer_id,
            entry_number,
            block_id,
            arrived_at,
            arrived_as_of,
            deadline_at,
            known_deadline_at,
            known_blocked_by,
            message_id,
            queued_at,
            is_new,
            may_queue,
            case when not may_queue and message_id is null then blocked_by end as blocked_by,
            case
                when not is_present
                then null
                when proved_at is not null
                then greatest(proved_at, queued_at)
                when not receipts and (may_queue or message_id is not null)
                then timestamp '2026-03-02 09:00:00'
                when is_over
                then deadline_at
            end as left_at,
            case
                when not is_present
                then null
                when proved_at is not null
                then case when is_received then 'delivered' else 'not_delivered' end
                when not receipts and (may_queue or message_id is not null)
                then 'delivered'
                when is_over
                then 'not_delivered'
            end as outcome
        from judged
    )
select
    entry_id,
    series_id,
    customer_id,
    entry_number,
    block_id,
    'content' as kind,
    arrived_at,
    arrived_as_of,
    deadline_at,
    case when outcome is null then blocked_by end as blocked_by,
    case when may_queue then md5(series_id || '/' || block_id || '/' || cast(entry_number as varchar) || '/' || cast(customer_id as varchar)) else message_id end as message_id,
    case when may_queue then timestamp '2026-03-02 09:00:00' else queued_at end as queued_at,
    left_at,
    outcome,
    is_new
from decided
where
    is_new
    or may_queue
    or outcome is not null
    or deadline_at is distinct from known_deadline_at
    or blocked_by is distinct from known_blocked_by;

-- messages queued
insert into run_messages (message_id, entry_id, series_id, block_id, customer_id, channel, expires_at, received_at, batch_id)
with
    queued as (
        select
            visit.message_id,
            visit.entry_id,
            visit.series_id,
            visit.block_id,
            visit.customer_id,
            block.channel,
            visit.deadline_at as expires_at,
            case when not block.receipts then timestamp '2026-03-02 09:00:00' end as received_at,
            row_number() over (partition by visit.series_id, visit.block_id order by visit.entry_id) as message_number
        from run_visits as visit
        join run_blocks as block on block.series_id = visit.series_id and block.block_id = visit.block_id
        where visit.queued_at = timestamp '2026-03-02 09:00:00'
    )
select
    message_id,
    entry_id,
    series_id,
    block_id,
    customer_id,
    channel,
    expires_at,
    received_at,
        series_id
        || '.'
        || block_id
        || '.'
        || '20260302T090000Z'
        || '.'
        || case
            when cast(floor((message_number - 1) / 500) + 1 as bigint) < 100000 then lpad(cast(cast(floor((message_number - 1) / 500) + 1 as bigint) as varchar), 5, '0') else cast(cast(floor((message_number - 1) / 500) + 1 as bigint) as varchar)
        end as batch_id
from queued;

-- tag writes
insert into run_tag_writes (entry_id, series_id, block_id, customer_id, tag, action, as_of, tag_write_id, batch_id, status)
with
    written as (
        select
            visit.entry_id,
            visit.series_id,
            visit.block_id,
            visit.customer_id,
            visit.entry_number,
            block.tag,
            block.action,
            row_number() over (partition by visit.series_id, visit.block_id order by visit.entry_id) as message_number
        from run_visits as visit
        join run_blocks as block on block.series_id = visit.series_id and block.block_id = visit.block_id
        where visit.outcome = 'tagged'
    )
select
    entry_id,
    series_id,
    block_id,
    customer_id,
    tag,
    action,
    timestamp '2026-03-02 09:00:00' as as_of,
    md5(series_id || '/' || block_id || '/' || cast(entry_number as varchar) || '/' || cast(customer_id as varchar)) as tag_write_id,
 cast(null as varchar) as batch_id, cast(null as varchar) as status
from written;

-- progress of entries
insert into run_progress (entry_id, open_visits, path_finished)
with
    moved as (
        select
            visit.entry_id,
            count(*) filter (where visit.is_new and visit.left_at is null) as begun,
            count(*) filter (where not visit.is_new and visit.left_at is not null) as left_behind,
            coalesce(
                bool_or(visit.outcome in ('matched', 'waited', 'tagged', 'delivered') and not block.leads_on), false
            ) as path_finished
        from run_visits as visit
        left join run_blocks as block on block.series_id = visit.series_id and block.block_id = visit.block_id
        group by visit.entry_id
        having
            count(*) filter (where visit.is_new and visit.left_at is null) = 0
            or bool_or(visit.outcome in ('matched', 'waited', 'tagged', 'delivered') and not block.leads_on)
    )
select moved.entry_id, count(visit.entry_id) + moved.begun - moved.left_behind as open_visits, moved.path_finished
from moved
left join series_state.open_visits as visit on visit.entry_id = moved.entry_id
group by moved.entry_id, moved.begun, moved.left_behind, moved.path_finished
having count(visit.entry_id) + moved.begun = moved.left_behind or moved.path_finished;

-- entries
insert into run_entries (entry_id, series_id, customer_id, entry_number, arm, entered_at, status, ended_at, goal_at, goal_met_at_entry, entry_rules, goal_closed, path_finished, superseded, attributes, goal_value, goal_event_at, has_reached_goal, is_reopened)
with
    changes as (
        select
            entry_id,
            goal_at,
            goal_value,
            goal_event_at,
            goal_at is null as goal_closed,
            cast(null as varchar) as ended_as,
            cast(null as bigint) as open_visits,
            false as path_finished,
            cast(null as varchar) as entry_rule,
            false as superseded
        from run_goals
        union all
        select entry_id, null, null, null, false, status as ended_as, null, false, null, false
        from run_ends
        union all
        select entry_id, null, null, null, false, null, open_visits, path_finished, null, false
        from run_progress
        union all
        select match.entry_id, null, null, null, false, null, null, false, match.block_id as entry_rule, false
        from run_matches as match
        join run_visits as visit on visit.entry_id = match.entry_id and visit.block_id = match.block_id
        where visit.is_new
        union all
        select previous_entry_id, null, null, null, false, null, null, false, null, true as superseded
        from run_new_entries
        where previous_entry_id is not null
    ),
    changed as (
        select
            entry_id,
            max(goal_at) as goal_at,
            max(goal_value) as goal_value,
            max(goal_event_at) as goal_event_at,
            bool_or(goal_closed) as goal_closed,
            max(ended_as) as ended_as,
            max(open_visits) as open_visits,
            bool_or(path_finished) as path_finished,
            count(entry_rule) > 0 as is_opened,
            array_agg(entry_rule) filter (where entry_rule is not null) as entry_rules,
            bool_or(superseded) as superseded
        from changes
        group by entry_id
    ),
    found as (
        select
            entry.entry_id,
            entry.series_id,
            entry.customer_id,
            entry.entry_number,
            entry.arm,
            entry.entered_at,
            coalesce(changed.ended_as, entry.status) as status_so_far,
            case when changed.ended_as is null then entry.ended_at else timestamp '2026-03-02 09:00:00' end as ended_at,
            coalesce(entry.goal_at, changed.goal_at) as goal_at,
            entry.goal_met_at_entry,
            case
                when changed.is_opened
                then list_sort(list_concat(entry.entry_rules, changed.entry_rules))
                else entry.entry_rules
            end as entry_rules,
            entry.goal_closed or changed.goal_closed as goal_closed,
            entry.path_finished or changed.path_finished as path_finished,
            entry.superseded or changed.superseded as superseded,
            cast(entry.attributes as varchar) as attributes,
            coalesce(entry.goal_value, changed.goal_value) as goal_value,
            coalesce(entry.goal_event_at, changed.goal_event_at) as goal_event_at,
            changed.open_visits,
            changed.goal_at is not null as has_reached_goal,
            changed.is_opened
        from series.entries as entry
        join changed on changed.entry_id = entry.entry_id
        union all
        select
            entry.entry_id,
            entry.series_id,
            entry.customer_id,
            entry.entry_number,
            entry.arm,
            timestamp '2026-03-02 09:00:00' as entered_at,
            entry.status as status_so_far,
            cast(null as timestamp) as ended_at,
            cast(null as timestamp) as goal_at,
            entry.goal_met_at_entry,
            entry.entry_rules,
            false as goal_closed,
            coalesce(progress.path_finished, false) as path_finished,
            false as superseded,
 cast(null as varchar) as attributes,
            cast(null as double) as goal_value,
            cast(null as timestamp) as goal_event_at,
            progress.open_visits,
            false as has_reached_goal,
            false as is_opened
        from run_new_entries as entry
        left join run_progress as progress on progress.entry_id = entry.entry_id
    )
select
    entry_id,
    series_id,
    customer_id,
    entry_number,
    arm,
    entered_at,
    case
        when open_visits = 0
        then case when path_finished then 'finished' else 'disengaged' end
        when is_opened
        then 'active'
        else status_so_far
    end as status,
    case when open_visits = 0 then timestamp '2026-03-02 09:00:00' when not is_opened then ended_at end as ended_at,
    goal_at,
    goal_met_at_entry,
    entry_rules,
    goal_closed,
    path_finished,
    superseded,
    attributes,
    goal_value,
    goal_event_at,
    has_reached_goal,
    is_opened and status_so_far in ('finished', 'disengaged') as is_reopened
from found;

-- clear series_state.absent_messages
delete from series_state.absent_messages;

-- write series_state.absent_messages
insert into series_state.absent_messages (message_id)
select message.message_id
from series.messages as message
join series.batches as batch on batch.batch_id = message.batch_id
left join source_customers as customer on customer.customer_id = message.customer_id
where
    message.status in ('queued', 'unknown')
    and batch.status not in ('handed_off', 'dropped')
    and customer.customer_id is null;

-- write series_state.closed_visits
insert into series_state.closed_visits (entry_id, series_id, customer_id, block_id, arrived_at, arrived_as_of, deadline_at, left_at, left_as_of, outcome)
select
    visit.entry_id,
    visit.series_id,
    visit.customer_id,
    visit.block_id,
    visit.arrived_at,
    visit.arrived_as_of,
    visit.deadline_at,
    visit.left_at,
    timestamp '2026-03-02 09:00:00' as left_as_of,
    visit.outcome
from run_visits as visit
where visit.left_at is not null;

-- clear series_state.open_visits
delete from series_state.open_visits as target
where exists (
select 1
from (
select entry_id, block_id
from run_visits
where not is_new
) as gone
where gone.entry_id = target.entry_id and gone.block_id = target.block_id
);

-- write series_state.open_visits
insert into series_state.open_visits (entry_id, series_id, customer_id, entry_number, block_id, kind, arrived_at, arrived_as_of, deadline_at, blocked_by, message_id, queued_at)
select
    entry_id,
    series_id,
    customer_id,
    entry_number,
    block_id,
    kind,
    arrived_at,
    arrived_as_of,
    deadline_at,
    blocked_by,
    message_id,
    queued_at
from run_visits
where left_at is null;

-- clear series.entries
delete from series.entries as target
where exists (
select 1
from (
select entry_id
from run_entries
) as gone
where gone.entry_id = target.entry_id
);

-- write series.entries
insert into series.entries (entry_id, series_id, customer_id, entry_number, arm, entered_at, status, ended_at, goal_at, goal_met_at_entry, entry_rules, goal_closed, path_finished, superseded, attributes, goal_value, goal_event_at)
select entry_id, series_id, customer_id, entry_number, arm, entered_at, status, ended_at, goal_at, goal_met_at_entry, entry_rules, goal_closed, path_finished, superseded, attributes, goal_value, goal_event_at
from run_entries;

-- write series.advances
insert into series.advances (entry_id, series_id, customer_id, from_block, to_block, advanced_at, as_of, merged)
select entry_id, series_id, customer_id, from_block, to_block, advanced_at, timestamp '2026-03-02 09:00:00' as as_of, merged from run_advances;

-- write series.tag_writes
insert into series.tag_writes (entry_id, series_id, block_id, customer_id, tag, action, as_of, tag_write_id, batch_id, status)
select entry_id, series_id, block_id, customer_id, tag, action, as_of, tag_write_id, batch_id, status
from run_tag_writes;

-- clear series_state.pending_tags
delete from series_state.pending_tags as target
where exists (
select 1
from (
select pending.customer_id, pending.tag
from series_state.pending_tags as pending
join source_customers as customer on customer.customer_id = pending.customer_id
left join
    source_customer_tags as source_tag on source_tag.customer_id = pending.customer_id and source_tag.tag = pending.tag
where (pending.action = 'add') = (source_tag.customer_id is not null)
) as gone
where gone.customer_id = target.customer_id and gone.tag = target.tag
);

-- tags to be decided
insert into run_pending_tags (customer_id, tag, action, as_of)
select
    written.customer_id,
    written.tag,
    case when bool_or(newest.action = 'remove') then 'remove' else 'add' end as action,
    timestamp '2026-03-02 09:00:00' as as_of
from run_tag_writes as written
join
    series.tag_writes as newest
    on newest.customer_id = written.customer_id
    and newest.tag = written.tag
    and newest.as_of >= timestamp '2026-03-02 09:00:00'
group by written.customer_id, written.tag
having max(newest.as_of) = timestamp '2026-03-02 09:00:00';

-- clear series_state.pending_tags
delete from series_state.pending_tags as target
where exists (
select 1
from (
select customer_id, tag
from run_pending_tags
) as gone
where gone.customer_id = target.customer_id and gone.tag = target.tag
);

-- write series_state.pending_tags
insert into series_state.pending_tags (customer_id, tag, action, as_of)
select customer_id, tag, action, as_of
from run_pending_tags;

-- receipts of messages
update series.messages as target
set
    received_at = (select changed.received_at from run_receipts as changed where changed.message_id = target.message_id)
where exists (select 1 from run_receipts as changed where changed.message_id = target.message_id);

-- write series_state.first_engagements
insert into series_state.first_engagements (message_id, series_id, kind, occurred_at, as_of)
select message_id, series_id, kind, occurred_at, timestamp '2026-03-02 09:00:00' as as_of from run_engagements;

-- goals of messages
update series.messages as target
set
    goal_at = (select changed.goal_at from run_message_goals as changed where changed.message_id = target.message_id),
    goal_closed = (select changed.is_closed from run_message_goals as changed where changed.message_id = target.message_id)
where exists (select 1 from run_message_goals as changed where changed.message_id = target.message_id);

-- messages
insert into series.messages (message_id, entry_id, series_id, block_id, customer_id, channel, address, queued_at, expires_at, payload, batch_id, status, received_at, goal_at, goal_closed, provider_message_id)
select
    message.message_id,
    message.entry_id,
    message.series_id,
    message.block_id,
    message.customer_id,
    message.channel,
        case
            message.channel  when 'email' then cast(customer."email" as varchar)         end as address,
    timestamp '2026-03-02 09:00:00' as queued_at,
    message.expires_at,
    case  when message.series_id = 'announcement' and message.block_id = 'banner' then '{"title":"Reports are here","body":"See where your time goes, per project and per week.","link":"https://example.com/reports","links":[{"id":"72647172","url":"https://example.com/reports"}]}'  when message.series_id = 'announcement' and message.block_id = 'email' then CONCAT('{"subject":"Reports are here","preheader":"See where your time goes","body":"Hi ', ARRAY_SLICE(CAST(TO_JSON(COALESCE("customer"."first_name", 'there')) AS TEXT), 2, -2), ',\n\nfrom today on you can see where your time goes, per project and per week:\nhttps://example.com/reports","html":"<p>Hi ', ARRAY_SLICE(CAST(TO_JSON(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(COALESCE("customer"."first_name", 'there'), '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '''', '&#39;'), '"', '&#34;')) AS TEXT), 2, -2), ',</p>\n<p>from today on you can see where your time goes, per project and per week:\n<a href=\"https://example.com/reports\">https://example.com/reports</a></p>","link":"https://example.com/reports","links":[{"id":"72647172","url":"https://example.com/reports"}]}')  when message.series_id = 'announcement' and message.block_id = 'tour' then '{"title":"Your first report","body":"Pick a project, pick a week, done. We show you how."}'  end as payload,
    message.batch_id,
    'queued' as status,
    message.received_at,
    cast(null as timestamp) as goal_at,
    false as goal_closed,
    cast(null as varchar) as provider_message_id
from run_messages as message
join source_customers as customer on customer.customer_id = message.customer_id
where   (message.series_id = 'announcement' and message.block_id = 'banner')  or  (message.series_id = 'announcement' and message.block_id = 'email')  or  (message.series_id = 'announcement' and message.block_id = 'tour');

-- write series.batches
insert into series.batches (batch_id, as_of, series_id, block_id, channel, sender, message_count, status, attempts, handed_off_at, last_error, parent_batch_id, next_attempt_at, offers)
select
    carried.batch_id,
    timestamp '2026-03-02 09:00:00' as as_of,
    carried.series_id,
    carried.block_id,
    channel.channel,
    channel.sender,
    count(*) as message_count,
 'pending' as status,
    0 as attempts,
    cast(null as timestamp) as handed_off_at,
    cast(null as varchar) as last_error,
    cast(null as varchar) as parent_batch_id,
    cast(null as timestamp) as next_attempt_at,
    0 as offers
from run_messages as carried
join run_channels as channel on channel.channel = carried.channel
group by carried.batch_id, carried.series_id, carried.block_id, channel.channel, channel.sender;

-- write series.ticks
insert into series.ticks (tick_id, as_of, series_id, definition_hash, status, entered, held_out, reopened, advanced, merged, waits_ended, tags_written, messages_queued, goals, ended, customers_missing, committed_at)
with
    changed as (
        select
            series_id,
            count(*) filter (where entered_at = timestamp '2026-03-02 09:00:00') as entered,
            count(*) filter (where entered_at = timestamp '2026-03-02 09:00:00' and arm = 'holdout') as held_out,
            count(*) filter (where is_reopened) as reopened,
            count(*) filter (where has_reached_goal) as goals,
            count(*) filter (where ended_at = timestamp '2026-03-02 09:00:00') as ended
        from run_entries
        group by series_id
    ),
    visited as (
        select
            series_id,
            count(*) filter (where outcome = 'waited') as waits_ended,
            count(*) filter (where outcome = 'tagged') as tags_written,
            count(*) filter (where queued_at = timestamp '2026-03-02 09:00:00') as messages_queued
        from run_visits
        group by series_id
    ),
    moved as (
        select series_id, count(*) filter (where not merged) as advanced, count(*) filter (where merged) as merged
        from run_advances
        group by series_id
    ),
    missing as (
        select entry.series_id, count(*) as customers_missing
        from series.entries as entry
        left join source_customers as customer on customer.customer_id = entry.customer_id
        where
            customer.customer_id is null
            and (entry.status = 'active' or (entry.status = 'stopped' and entry.ended_at = timestamp '2026-03-02 09:00:00'))
        group by entry.series_id
    )
select
    '20260302T090000Z' as tick_id,
    timestamp '2026-03-02 09:00:00' as as_of,
    ran.series_id,
    ran.definition_hash,
    ran.status,
    coalesce(changed.entered, 0) as entered,
    coalesce(changed.held_out, 0) as held_out,
    coalesce(changed.reopened, 0) as reopened,
    coalesce(moved.advanced, 0) as advanced,
    coalesce(moved.merged, 0) as merged,
    coalesce(visited.waits_ended, 0) as waits_ended,
    coalesce(visited.tags_written, 0) as tags_written,
    coalesce(visited.messages_queued, 0) as messages_queued,
    coalesce(changed.goals, 0) as goals,
    coalesce(changed.ended, 0) as ended,
    coalesce(missing.customers_missing, 0) as customers_missing,
    cast(now() as timestamp) as committed_at
from run_series as ran
left join changed on changed.series_id = ran.series_id
left join visited on visited.series_id = ran.series_id
left join moved on moved.series_id = ran.series_id
left join missing on missing.series_id = ran.series_id;

-- must return nothing: every run keeps the invariants of entries and visits
with
    reached as (select entry_id, series_id, block_id from run_visits where is_new),
    advanced as (select entry_id, to_block as block_id from run_advances where not merged),
    touched as (
        select entry_id
        from run_visits
        union all
        select entry_id
        from run_entries
    ),
    standing as (
        select entry.entry_id, entry.status = 'active' as is_active
        from touched
        join series.entries as entry on entry.entry_id = touched.entry_id
        group by entry.entry_id, entry.status
    ),
    unmatched as (
        select
            reached.series_id,
            reached.block_id as reached_block,
            advanced.block_id as advanced_block,
            coalesce(reached.entry_id, advanced.entry_id) as entry_id
        from reached
        full join advanced on advanced.entry_id = reached.entry_id and advanced.block_id = reached.block_id
        where reached.entry_id is null or advanced.entry_id is null
    )
select visit.entry_id, visit.block_id, 'visited more than once' as problem
from reached
join series.visits as visit on visit.entry_id = reached.entry_id and visit.block_id = reached.block_id
group by visit.entry_id, visit.block_id
having count(*) > 1
union all
select
    standing.entry_id,
    visit.block_id,
    case
        when standing.is_active then 'active without an open visit' else 'open although its entry has ended'
    end as problem
from standing
left join series_state.open_visits as visit on visit.entry_id = standing.entry_id
where standing.is_active <> (visit.entry_id is not null)
union all
select
    unmatched.entry_id,
    coalesce(unmatched.reached_block, unmatched.advanced_block) as block_id,
    case
        when unmatched.reached_block is null then 'an advance that arrived nowhere' else 'reached without an advance'
    end as problem
from unmatched
left join run_blocks as block on block.series_id = unmatched.series_id and block.block_id = unmatched.reached_block
where unmatched.reached_block is null or block.level > 0
union all
select visit.entry_id, visit.block_id, 'left without an advance' as problem
from run_visits as visit
join
    run_connections as connection
    on connection.series_id = visit.series_id
    and connection.from_block = visit.block_id
    and connection.is_good = (visit.outcome in ('matched', 'waited', 'tagged', 'delivered'))
left join
    run_advances as advance
    on advance.entry_id = visit.entry_id
    and advance.from_block = visit.block_id
    and advance.to_block = connection.to_block
where visit.left_at is not null and advance.entry_id is null
limit 20;

-- must return nothing: every visit has at most one message
select message.entry_id, message.block_id, 'more than one message' as problem
from run_messages as queued
join series.messages as message on message.entry_id = queued.entry_id and message.block_id = queued.block_id
group by message.entry_id, message.block_id
having count(*) > 1
limit 20;

commit;
