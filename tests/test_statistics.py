"""Own statistics against published worked examples, statsmodels and scipy."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.statistics import (
    Interval,
    kaplan_meier,
    newcombe_interval,
    relative_lift,
    relative_lift_interval,
    sample_ratio_p_value,
    smallest_detectable_difference,
    survival_quantile,
    weighted_quantile,
    wilson_interval,
)

RANDOM = settings(max_examples=100, derandomize=True, deadline=None, database=None)


@st.composite
def rates(draw: st.DrawFn, most: int = 100_000) -> tuple[int, int]:
    trials = draw(st.integers(1, most))
    return draw(st.integers(0, trials)), trials


@st.composite
def durations(draw: st.DrawFn) -> tuple[list[float], list[int], list[int]]:
    """Distinct times with events and censored people; somebody at each."""
    times = sorted(draw(st.lists(st.integers(0, 60), min_size=1, max_size=25, unique=True)))
    counts = draw(
        st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(any), min_size=len(times), max_size=len(times))
    )
    return [time / 4 for time in times], [events for events, _ in counts], [censored for _, censored in counts]


def ends(interval: Interval | None) -> tuple[float, float]:
    assert interval is not None
    return interval.low, interval.high


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_as_published(successes: int, trials: int, low: float, high: float) -> None:
    """Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3."""
    assert ends(wilson_interval(successes, trials)) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((0, 10, 0, 10), -0.2775, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0000),
        ((10, 10, 0, 10), 0.6075, 1.0000),
    ],
)
def test_newcombe_as_published(counts: tuple[int, int, int, int], low: float, high: float) -> None:
    """Newcombe (1998), Statistics in Medicine 17, 873-890, table II, method 10, contrasts (a) to (h)."""
    assert ends(newcombe_interval(*counts)) == pytest.approx((low, high), abs=5e-5)


def test_kaplan_meier_as_published() -> None:
    """Remission of 21 leukaemia patients on 6-MP: Freireich et al. (1963), Blood 21; weeks, survival and standard error
    as in Collett, "Modelling Survival Data in Medical Research", and Kleinbaum and Klein, "Survival Analysis".
    """
    events = {6: 3, 7: 1, 10: 1, 13: 1, 16: 1, 22: 1, 23: 1}
    censored = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    times = sorted({*events, *censored})
    steps = kaplan_meier(times, [events.get(week, 0) for week in times], [censored.count(week) for week in times])
    assert [step.time for step in steps] == list(events)
    assert [step.at_risk for step in steps] == [21, 17, 15, 12, 11, 7, 6]
    assert [round(step.survival, 4) for step in steps] == [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482]
    errors = [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346]
    for step, error in zip(steps, errors, strict=True):
        spread = 1.959964 * error / (step.survival * math.log(step.survival))
        published = (step.survival ** math.exp(-spread), step.survival ** math.exp(spread))
        assert ends(step.interval) == pytest.approx(published, abs=5e-4)
    assert survival_quantile(steps, 0.5) == 23
    assert survival_quantile(steps, 0.9) is None


@RANDOM
@given(rates())
def test_wilson_is_that_of_statsmodels(rate: tuple[int, int]) -> None:
    from statsmodels.stats.proportion import proportion_confint

    assert ends(wilson_interval(*rate)) == pytest.approx(proportion_confint(*rate, method="wilson"), abs=1e-12)


@RANDOM
@given(rates(), rates())
def test_newcombe_is_that_of_statsmodels(one: tuple[int, int], other: tuple[int, int]) -> None:
    from statsmodels.stats.proportion import confint_proportions_2indep

    wanted = confint_proportions_2indep(*one, *other, method="newcomb", compare="diff")
    assert ends(newcombe_interval(*one, *other)) == pytest.approx(wanted, abs=1e-12)


@RANDOM
@given(rates(), rates())
def test_relative_lift_is_that_of_statsmodels(one: tuple[int, int], other: tuple[int, int]) -> None:
    from statsmodels.stats.proportion import confint_proportions_2indep

    interval = relative_lift_interval(*one, *other)
    if not one[0] or not other[0]:
        assert interval is None
        return
    low, high = confint_proportions_2indep(*one, *other, method="log", compare="ratio")
    assert ends(interval) == pytest.approx((low - 1, high - 1), rel=1e-9, abs=1e-9)
    lift = relative_lift(*one, *other)
    assert lift is not None
    assert low - 1 - 1e-9 <= lift <= high - 1 + 1e-9


@RANDOM
@given(st.floats(0.001, 0.6), st.integers(50, 100_000), st.integers(50, 100_000))
def test_smallest_detectable_difference_has_that_power_in_statsmodels(rate: float, trials: int, others: int) -> None:
    from statsmodels.stats.proportion import power_proportions_2indep

    difference = smallest_detectable_difference(rate, trials, others)
    if difference is None:
        return
    assert 0 < difference <= 1 - rate
    power = power_proportions_2indep(difference, rate, trials, ratio=others / trials, alpha=0.05).power
    # Statsmodels adds the chance of finding a difference of the wrong sign, which is next to none.
    assert power == pytest.approx(0.8, abs=1e-3)


@RANDOM
@given(st.integers(0, 100_000), st.integers(0, 100_000), st.floats(0.01, 0.99))
def test_sample_ratio_is_the_chi_square_of_scipy(count: int, others: int, expected: float) -> None:
    from scipy.stats import chisquare

    total = count + others
    if not total:
        assert sample_ratio_p_value(count, others, expected) is None
        return
    wanted = chisquare([count, others], [total * expected, total * (1 - expected)]).pvalue
    assert sample_ratio_p_value(count, others, expected) == pytest.approx(wanted, rel=1e-6, abs=1e-12)


@RANDOM
@given(durations())
def test_kaplan_meier_is_that_of_statsmodels_and_scipy(drawn: tuple[list[float], list[int], list[int]]) -> None:
    from scipy.stats import CensoredData, ecdf
    from statsmodels.duration.survfunc import SurvfuncRight

    times, events, censored = drawn
    steps = kaplan_meier(times, events, censored)
    if not steps:
        assert not any(events)
        return
    happened, lost = repeated(times, events), repeated(times, censored)
    with warnings.catch_warnings():
        # Both divide by nothing where everybody has had the event.
        warnings.simplefilter("ignore")
        curve = SurvfuncRight(happened + lost, [1] * len(happened) + [0] * len(lost))
        low_high: Any = ecdf(CensoredData(uncensored=happened, right=lost)).sf.confidence_interval(method="log-log")
    assert [step.survival for step in steps] == pytest.approx(list(curve.surv_prob), abs=1e-12)
    assert [step.at_risk for step in steps] == list(curve.n_risk)
    assert [step.events for step in steps] == list(curve.n_events)
    at = {time: number for number, time in enumerate(low_high.low.quantiles)}
    for step in steps:
        if step.interval:
            number = at[step.time]
            wanted = (low_high.low.probabilities[number], low_high.high.probabilities[number])
            assert ends(step.interval) == pytest.approx(wanted, abs=1e-9)
        else:
            assert step.survival == pytest.approx(0, abs=1e-12)
    for share in (0.5, 0.9):
        reached = [
            time for time, left in zip(curve.surv_times, curve.surv_prob, strict=True) if left <= 1 - share + 1e-9
        ]
        assert survival_quantile(steps, share) == (reached[0] if reached else None)


def repeated(times: Sequence[float], counts: Sequence[int]) -> list[float]:
    return [time for time, count in zip(times, counts, strict=True) for _ in range(count)]


@RANDOM
@given(durations(), st.sampled_from([0.0, 0.5, 0.9, 1.0]))
def test_weighted_quantile_is_that_of_the_values_written_out(
    drawn: tuple[list[float], list[int], list[int]], share: float
) -> None:
    values, weights, _ = drawn
    written_out = repeated(values, weights)
    wanted = written_out[max(math.ceil(share * len(written_out)) - 1, 0)] if written_out else None
    assert weighted_quantile(values, weights, share) == wanted


def test_nothing_can_be_said_of_nobody() -> None:
    assert wilson_interval(0, 0) is None
    assert newcombe_interval(1, 2, 0, 0) is None
    assert relative_lift(1, 2, 0, 3) is None
    assert relative_lift_interval(0, 2, 1, 3) is None
    assert smallest_detectable_difference(0.1, 0, 10) is None
    assert smallest_detectable_difference(0.9, 3, 3) is None
    assert sample_ratio_p_value(1, 1, 0) is None
    assert kaplan_meier([], [], []) == []
    assert weighted_quantile([], [], 0.5) is None
