"""Rates, differences and waiting times with their 95 % intervals; held against statsmodels and scipy in the tests.

The unit of every count is a person who is counted once: intervals are only right for independent observations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

CONFIDENCE = 0.95
POWER = 0.8
_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
_Z_POWER = NormalDist().inv_cdf(POWER)
_MOST_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % confidence interval, ends included."""

    low: float
    high: float


def wilson_interval(successes: int, trials: int) -> Interval | None:
    """The Wilson score interval of a rate; None without trials.

    Newcombe (1998), "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17, method 3.
    """
    if trials == 0:
        return None
    rate, z2 = successes / trials, _Z * _Z
    middle = successes + z2 / 2
    half = _Z * math.sqrt(successes * (1 - rate) + z2 / 4)
    low = (middle - half) / (trials + z2) if successes else 0.0
    high = (middle + half) / (trials + z2) if successes < trials else 1.0
    return Interval(low, high)


def newcombe_interval(successes: int, trials: int, other_successes: int, other_trials: int) -> Interval | None:
    """The interval of the difference of two independent rates, the first minus the other; None without trials.

    The hybrid of two Wilson intervals: Newcombe (1998), "Interval estimation for the difference between independent
    proportions", Statistics in Medicine 17, method 10.
    """
    one, other = wilson_interval(successes, trials), wilson_interval(other_successes, other_trials)
    if one is None or other is None:
        return None
    rate, other_rate = successes / trials, other_successes / other_trials
    difference = rate - other_rate
    return Interval(
        difference - math.hypot(rate - one.low, other.high - other_rate),
        difference + math.hypot(one.high - rate, other_rate - other.low),
    )


def relative_lift(successes: int, trials: int, other_successes: int, other_trials: int) -> float | None:
    """By which part of the other rate the first one is higher: 0.2 is a fifth more; None where the other rate is 0."""
    if not trials or not other_trials or not other_successes:
        return None
    return (successes / trials) / (other_successes / other_trials) - 1


def relative_lift_interval(successes: int, trials: int, other_successes: int, other_trials: int) -> Interval | None:
    """The interval of the relative lift; None where a rate is 0 or there are no trials.

    Katz et al. (1978), "Obtaining confidence intervals for the risk ratio in cohort studies", Biometrics 34: the
    logarithm of the ratio is taken as normal.
    """
    lift = relative_lift(successes, trials, other_successes, other_trials)
    if lift is None or not successes:
        return None
    spread = math.sqrt(1 / successes - 1 / trials + 1 / other_successes - 1 / other_trials)
    return Interval((1 + lift) * math.exp(-_Z * spread) - 1, (1 + lift) * math.exp(_Z * spread) - 1)


def smallest_detectable_difference(other_rate: float, trials: int, other_trials: int) -> float | None:
    """How much higher than ``other_rate`` the first rate must be to be found at 5 % (two-sided) in 80 % of cases.

    The normal approximation with pooled variance under no difference (Fleiss, Levin and Paik (2003), "Statistical
    Methods for Rates and Proportions", 4.2). None without trials, or where not even a rate of 1 would be found.
    """
    if not trials or not other_trials:
        return None

    def power_left(difference: float) -> float:
        rate = other_rate + difference
        pooled = (trials * rate + other_trials * other_rate) / (trials + other_trials)
        under_none = math.sqrt(pooled * (1 - pooled) * (1 / trials + 1 / other_trials))
        as_it_is = math.sqrt(rate * (1 - rate) / trials + other_rate * (1 - other_rate) / other_trials)
        return difference - _Z * under_none - _Z_POWER * as_it_is

    return _root(power_left, 0.0, 1.0 - other_rate)


def sample_ratio_p_value(count: int, other_count: int, expected_share: float) -> float | None:
    """How often chance alone splits people at least this unevenly, when ``expected_share`` should be in the first.

    Pearson's chi-square with one degree of freedom. None where nobody is split, or everybody should be on one side.
    """
    total = count + other_count
    if not total or not 0 < expected_share < 1:
        return None
    expected = total * expected_share
    chi_square = (count - expected) ** 2 * (1 / expected + 1 / (total - expected))
    return math.erfc(math.sqrt(chi_square / 2))


@dataclass(frozen=True, slots=True)
class SurvivalStep:
    """The Kaplan-Meier curve from one time on, until the next step.

    Attributes:
        time: In the unit of the durations given.
        at_risk: Those who were still there right before it.
        events: Those it happened to at this time.
        survival: The share to whom it has not happened yet.
        interval: Of ``survival``; None before the first event and after the last one (at 1 and 0).
    """

    time: float
    at_risk: int
    events: int
    survival: float
    interval: Interval | None


def kaplan_meier(times: Sequence[float], events: Sequence[int], censored: Sequence[int]) -> list[SurvivalStep]:
    """The share still without the event, by time, where some were watched for a shorter time than others.

    Kaplan and Meier (1958), JASA 53; variance by Greenwood, interval on the log(-log) scale (Kalbfleisch and Prentice
    (2002), "The Statistical Analysis of Failure Time Data", 1.4).

    Args:
        times: Distinct durations, ascending.
        events: How many it happened to after each duration.
        censored: How many were last seen without it after each duration; they count as at risk at that very time.

    Returns:
        One step for each duration with an event.
    """
    at_risk, survival, variance = sum(events) + sum(censored), 1.0, 0.0
    steps = []
    for time, happened, lost in zip(times, events, censored, strict=True):
        if happened:
            survival *= 1 - happened / at_risk
            left = at_risk - happened
            variance += happened / (at_risk * left) if left else math.inf
            steps.append(SurvivalStep(time, at_risk, happened, survival, _log_log_interval(survival, variance)))
        at_risk -= happened + lost
    return steps


def _log_log_interval(survival: float, variance: float) -> Interval | None:
    if not 0 < survival < 1 or math.isinf(variance):
        return None
    spread = math.exp(_Z * math.sqrt(variance) / -math.log(survival))
    return Interval(survival**spread, survival ** (1 / spread))


def survival_quantile(steps: Sequence[SurvivalStep], share: float) -> float | None:
    """The first time by which ``share`` of all have had the event; None where that many have not."""
    # Survival is a product of many rounded factors.
    return next((step.time for step in steps if step.survival <= 1 - share + 1e-12), None)


def weighted_quantile(values: Sequence[float], weights: Sequence[int], share: float) -> float | None:
    """The smallest value such that at least ``share`` of the weight lies at or below it; None without weight.

    Args:
        values: Ascending.
        weights: How often each value occurs.
        share: From 0 to 1.
    """
    wanted, seen = share * sum(weights), 0
    for value, weight in zip(values, weights, strict=True):
        seen += weight
        if weight and seen >= wanted - 1e-9:
            return value
    return None


def _root(function: Callable[[float], float], low: float, high: float) -> float | None:
    """Where a function that is negative at ``low`` changes its sign; None where it is not positive at ``high``."""
    if function(high) < 0:
        return None
    for _ in range(_MOST_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) < 0 else (low, middle)
    return high
