"""The guards that look at what a run found, within its transaction: one function per template in ``sql/guards/``.

Each gives a SELECT of the limits that the run went beyond, or None where nobody set the limit.
"""

from __future__ import annotations

from pipelines.compile.job import Job
from pipelines.model import Guards
from pipelines.sql_text import literal, render

USUAL_DAYS = 30
"""Days with messages before this one that say what a series' usual volume is."""

FEWEST = 100
"""The guards that compare with what is usual say nothing of so few messages or customers."""


def are_set(job: Job) -> bool:
    """Whether a run of the job looks at guards at all."""
    return any(_allowed(job, name) for name in ("messages_per_run", "messages_per_customer", "volume", "entry_share"))


def messages_per_run(job: Job) -> str | None:
    """Series that take part in more messages than a run may queue."""
    return _counting(job, "messages_per_run")


def messages_per_customer(job: Job) -> str | None:
    """Series with messages to a customer who gets more of them than a run may queue."""
    return _counting(job, "messages_per_customer")


def volume(job: Job) -> str | None:
    """Series that send far more on this day than they usually do."""
    allowed = _allowed(job, "volume")
    return allowed and render("guards/volume", allowed=allowed, days=USUAL_DAYS, fewest=FEWEST)


def entry_share(job: Job) -> str | None:
    """Entry rules that match a large share of all customers anew."""
    allowed = _allowed(job, "entry_share")
    return allowed and render("guards/entry_share", allowed=allowed, fewest=FEWEST)


def source_counts(job: Job) -> str | None:
    """How many rows the sources have whose number the next run compares."""
    sources = [source.name for source in job.definitions.settings.sources.values() if source.max_drop is not None]
    if not sources:
        return None
    return render(
        "guards/source_counts", sources=[{"name": literal(name), "relation": f"source_{name}"} for name in sources]
    )


def _counting(job: Job, guard: str) -> str | None:
    allowed = _allowed(job, guard)
    if allowed is None:
        return None
    own = [literal(series_id) for series_id, guards in _own(job).items() if getattr(guards, guard) is not None]
    counted_with = f"case when series_id in ({', '.join(own)}) then series_id else '' end" if own else "''"
    return render(f"guards/{guard}", allowed=allowed, counted_with=counted_with)


def _allowed(job: Job, guard: str) -> str | None:
    """The limit as SQL over ``series_id``, null where a series has none; None where no series has any."""
    common = getattr(job.definitions.settings.guards, guard)
    limits = {
        series_id: None if guard in guards.off else getattr(guards, guard)
        for series_id, guards in _own(job).items()
        if guard in guards.off or getattr(guards, guard) is not None
    }
    if common is None and all(limit is None for limit in limits.values()):
        return None
    default = "null" if common is None else str(common)
    cases = " ".join(
        f"when {literal(series_id)} then {'null' if limit is None else limit}" for series_id, limit in limits.items()
    )
    return f"case series_id {cases} else {default} end" if cases else default


def _own(job: Job) -> dict[str, Guards]:
    return {checked.series.series_id: checked.series.guards for checked in job.series}
