"""What is looked at around a run: before messages leave, and whether all is well afterwards."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    asset_check,
)

from pipelines.health import Finding

from . import policies
from .keys import HAND_OFF, Keys
from .metadata import findings
from .resources import Warehouse

HELD = "held_batches"
"""The check that stops a hand-off."""


def blocking_checks(keys: Keys) -> list[AssetChecksDefinition]:
    """While one of these fails nothing is sent; what the run did stays. Run again from there after deciding."""
    return [
        _check(
            HELD,
            keys.of("outbound_batches"),
            "No guard holds a batch until a person decides; while one does, nothing at all is handed off.",
            AssetCheckSeverity.ERROR,
            blocking=True,
        )
    ]


def hand_off_checks(keys: Keys) -> list[AssetChecksDefinition]:
    """These say after a hand-off that somebody has to look, and stop nothing."""
    return [
        _check(
            "stuck_batches",
            keys.of(HAND_OFF),
            "Every batch of a series that may send has been taken by its sender.",
            AssetCheckSeverity.ERROR,
        )
    ]


def run_check_specs(keys: Keys) -> list[AssetCheckSpec]:
    """What a run looks at itself, with the warehouse still open; none of it stops anything."""
    return [
        AssetCheckSpec(name, asset=keys.of(asset), description=description)
        for name, (asset, _, description) in _OF_A_RUN.items()
    ]


def run_check_results(keys: Keys, found: Mapping[str, Sequence[Finding]]) -> Iterator[AssetCheckResult]:
    """What `pipelines.health` found for these."""
    for name, (asset, severity, _) in _OF_A_RUN.items():
        yield _result(found[name], severity, asset_key=keys.of(asset), check_name=name)


def _check(
    name: str, key: AssetKey, description: str, severity: AssetCheckSeverity, *, blocking: bool = False
) -> AssetChecksDefinition:
    """A check of `pipelines.health` under its own name."""

    @asset_check(
        asset=key,
        name=name,
        description=description,
        blocking=blocking,
        pool=policies.POOL,
        retry_policy=policies.RETRY,
    )
    def check(warehouse: Warehouse) -> AssetCheckResult:
        with policies.no_retry_of_mistakes():
            found = warehouse.open().health(name)[name]
        return _result(found, severity)

    return check


def _result(found: Sequence[Finding], severity: AssetCheckSeverity, **which: Any) -> AssetCheckResult:
    """A check passes when nothing was found."""
    return AssetCheckResult(
        passed=not found,
        severity=severity,
        description="\n".join(one.message for one in found) or None,
        metadata=findings(found),
        **which,
    )


_OF_A_RUN: Mapping[str, tuple[str, AssetCheckSeverity, str]] = {
    "broken_promises": (
        "entries",
        AssetCheckSeverity.ERROR,
        "What every run keeps holds for all that runs have ever written.",
    ),
    "overdue_visits": (
        "path_advances",
        AssetCheckSeverity.WARN,
        "Nobody is at a block whose deadline had passed when the series was due last.",
    ),
}
"""By name, the asset that a check of a run is about, how bad it is, and what holds when it passes."""

OF_A_RUN = tuple(_OF_A_RUN)
"""Their names."""
