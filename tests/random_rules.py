"""Random rules that use every function of SPEC 4, over the few columns and names that random worlds have."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

Names = tuple[str, ...]
COLUMNS = {
    "type": "VARCHAR",
    "plan": "VARCHAR",
    "email": "VARCHAR",
    "phone": "VARCHAR",
    "unsubscribed": "BOOLEAN",
    "sessions": "INTEGER",
    "score": "DOUBLE",
    "trial_ends_at": "TIMESTAMP",
    "signed_up_on": "DATE",
    "timezone": "VARCHAR",
}
COMPANY_COLUMNS = {"tier": "VARCHAR", "seats": "INTEGER"}
TAGS = ("vip", "churn", "new")
SEGMENTS = {
    "paying": "plan = 'Pro' and sessions >= 2",
    "busy": "did('login', within => '6 hours')",
    "gold": "company.tier = 'gold'",
}
LINKS = ("https://example.com/a", "https://example.com/b")
HOURS = ("1 hour", "2 hours", "3 hours", "6 hours", "1 day")

OFTEN_TRUE = ("type = 'user'", "type != 'lead'", "sessions >= 0", "plan is not null or type = 'user'")
ATTRIBUTES = (
    "plan = 'Pro'",
    "plan != 'Pro'",
    "plan <> 'Free'",
    "plan in ('Free', 'Pro')",
    "plan not in ('Pro', 'Team')",
    "plan is null",
    "plan is not null",
    "plan like 'P%'",
    "plan not like '_r%'",
    "plan ilike 'pR_'",
    "plan < 'G'",
    "unsubscribed",
    "unsubscribed = false",
    "unsubscribed is null",
    "sessions > 2",
    "sessions between 1 and 3",
    "sessions not between 1 and 2",
    "sessions + 1 <= score * 2",
    "sessions / 2 = 1.5",
    "sessions / score > 1",
    "-sessions < -2",
    "lower(plan) = 'pro'",
    "upper(trim(plan)) = 'FREE'",
    "length(plan) > 3",
    "substr(plan, 2, 2) = 'ro'",
    "replace(plan, 'Pro', 'Free') = 'Free'",
    "starts_with(plan, 'P')",
    "ends_with(plan, 'e')",
    "contains(plan, 'r')",
    "concat(type, '-', plan) = 'user-Pro'",
    "coalesce(plan, 'none') = 'none'",
    "nullif(plan, 'Free') is null",
    "abs(sessions - 2) = 1",
    "round(score) = 1",
    "floor(score) < ceil(score)",
    "greatest(sessions, 2) = 2",
    "least(sessions, 2) < 2",
    "case when plan = 'Pro' then sessions else 0 end > 1",
    "case plan when 'Free' then true when 'Pro' then unsubscribed end",
    "try_cast(plan as integer) is null",
    "try_cast(score as integer) = sessions",
    "trial_ends_at < now()",
    "trial_ends_at - interval '3 hours' <= now()",
    "signed_up_on = date_trunc('day', now())",
    "signed_up_on + interval '1 day' > now()",
    "extract(hour from now()) >= 12",
    "extract(dow from now()) in (0, 6)",
    "extract(day from trial_ends_at) = 29",
    "now() - trial_ends_at > interval '2 hours'",
)
COMPANIES = (
    "company.tier = 'gold'",
    "company.tier != 'gold'",
    "company.seats > 10 and company.tier = 'silver'",
    "company.tier is null",
    "company.seats >= sessions",
)
EVENTS = (
    "did('login')",
    "did('purchase')",
    "did('login', at_least => 2)",
    "did('login', at_least => 2, within => '6 hours')",
    "did('login', within => '1 hour')",
    "did('purchase', where => amount > 10)",
    "did('purchase', within => '1 day', where => item = 'book' and not (amount <= 5))",
    "did('purchase', where => gift)",
    "did('purchase', where => item is null)",
    "did('purchase', where => due_at <= now())",
    "event_count('purchase', within => '1 day', where => due_at > now() - interval '6 hours') > 0",
    "event_count('login') > 1",
    "event_count('purchase', within => '6 hours') = 0",
    "event_count('purchase', where => amount >= 10) >= 1",
    "event_sum('purchase', 'amount') >= 20",
    "event_sum('purchase', 'amount', within => '1 day') = 0",
    "first_event('login') < now() - interval '3 hours'",
    "last_event('login') >= now() - interval '1 hour'",
    "last_event('purchase') is null",
    "first_event('purchase', within => '1 day', where => amount > 5) is not null",
)
ENGAGEMENTS = ("received", "opened", "clicked", "replied", "completed", "dismissed", "reacted")
OF_SERIES = ("in_series", "entered_series", "finished_series", "exited_series", "reached_goal")


@cache
def atoms(content: Names, others: Names) -> st.SearchStrategy[str]:
    """One condition. `content` may be named by engagement functions, `others` are the other series."""
    kinds = [st.sampled_from(ATTRIBUTES), st.sampled_from(EVENTS), st.sampled_from(COMPANIES)]
    kinds.append(st.sampled_from(TAGS).map("has_tag('{}')".format))
    kinds.append(st.sampled_from(sorted(SEGMENTS)).map("in_segment('{}')".format))
    if others:
        kinds.append(st.builds("{}('{}')".format, st.sampled_from(OF_SERIES), st.sampled_from(others)))
    if content:
        kinds += [engagements(content)] * 4
    return st.one_of(kinds)


@cache
def engagements(content: Names) -> st.SearchStrategy[str]:
    """The common kinds more often than the rare ones, with and without a link."""
    kind = st.sampled_from(ENGAGEMENTS[:3] * 2 + ENGAGEMENTS)
    link = st.sampled_from(["", "", *(f", link => '{link}'" for link in LINKS)])
    return st.builds("{}('{}'{})".format, kind, st.sampled_from(content), link)


@cache
def rules(content: Names, others: Names) -> st.SearchStrategy[str]:
    """A condition, or a few of them together."""
    one = atoms(content, others)
    pair = st.builds("{} {} {}".format, one.map("({})".format), st.sampled_from(["and", "or", "and not"]), one)
    return st.one_of(one, one.map("not ({})".format), pair, pair.map("not ({})".format))


@cache
def entry_rules(others: Names) -> st.SearchStrategy[str]:
    """Mostly rules that let somebody in."""
    wide = st.sampled_from(OFTEN_TRUE)
    narrow = st.builds("({}) and ({})".format, wide, atoms((), others))
    return st.one_of(wide, wide, narrow, rules((), others))


@cache
def goal_rules(content: Names, others: Names) -> st.SearchStrategy[str]:
    """Mostly rules that come true after entering."""
    later = st.sampled_from(["did('login')", "did('purchase')", "plan = 'Pro'"])
    return st.one_of(later, later, rules(content, others))
