"""What holds for every step: one at a time, tried again when the warehouse is taken, failed at once by a mistake."""

from collections.abc import Iterator
from contextlib import contextmanager

from dagster import Backoff, Failure, Jitter, RetryPolicy

from pipelines.problems import UserError

POOL = "series"
"""Steps of this pool run one at a time; with one run per pool, so do runs (see dagster.yaml)."""

RETRY = RetryPolicy(max_retries=3, delay=20, backoff=Backoff.EXPONENTIAL, jitter=Jitter.PLUS_MINUS)
"""For what passes: a warehouse that somebody else has open, a machine that is short of something."""


@contextmanager
def no_retry_of_mistakes() -> Iterator[None]:
    """A definition or source that cannot be used is the same at the next attempt; say so now."""
    try:
        yield
    except UserError as error:
        raise Failure(str(error), allow_retries=False) from error
