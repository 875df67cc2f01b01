"""The report counted once more, row by row, from what `docs/report.md` says: no SQL, no frames, no code of its.

Only the intervals come from `pipelines.statistics`, which has tests of its own.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from pipelines import statistics
from tests.evaluator.clock import as_utc, local
from tests.evaluator.definition import Series, duration, read_series, read_yaml

Row = dict[str, Any]
DAY = timedelta(days=1)
KINDS = tuple(
    "delivered opened clicked replied completed dismissed reacted bounced failed unsubscribed complained".split()
)
GOOD = ("matched", "waited", "tagged", "delivered")
ENDS = ("goal", "exited", "disengaged", "stopped")
STATE = ("ticks", "definitions", "entries", "visits", "advances", "messages", "tag_writes")


@dataclass
class Version:
    """One definition of a series that ran."""

    number: int
    row: Row
    series: Series
    ran: list[datetime]


class World:
    """Everything that a project's warehouse holds, as rows of Python."""

    def __init__(self, folder: Path) -> None:
        settings = read_yaml((folder / "series.yml").read_text()) if (folder / "series.yml").exists() else None
        self.settings: Row = settings or {}
        self.zone = ZoneInfo(self.settings.get("timezone", "UTC"))
        with duckdb.connect(str(folder / "warehouse" / "warehouse.duckdb"), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            self.rows = {name: read(connection, f"series.{name}") for name in STATE}
            self.engagements = self.source(connection, "engagements")
            self.first_engagements = read(connection, "series_state.first_engagements")
            self.customers = {str(row["customer_id"]) for row in self.source(connection, "customers")}
            self.pending_tags = read(connection, "series_state.pending_tags")
            self.has_tags = bool(
                connection.execute("from duckdb_tables() where table_name = 'customer_tags'").fetchall()
            )
        self.versions: dict[str, list[Version]] = defaultdict(list)
        for row in sorted(self.rows["definitions"], key=lambda row: (row["first_as_of"], row["definition_hash"])):
            known = self.versions[row["series_id"]]
            ran = [tick["as_of"] for tick in self.ticks(row["series_id"], row["definition_hash"])]
            known.append(Version(len(known) + 1, row, read_series(row["text"]), sorted(ran)))

    def source(self, connection: duckdb.DuckDBPyConnection, name: str) -> list[Row]:
        told = self.settings.get("sources", {}).get(name, {})
        names = {own: logical for logical, own in told.get("columns", {}).items()}
        return [
            {names.get(key, key): value for key, value in row.items()}
            for row in read(connection, told.get("table", name))
        ]

    def ticks(self, series_id: str, definition_hash: str) -> Iterator[Row]:
        for tick in self.rows["ticks"]:
            if (tick["series_id"], tick["definition_hash"]) == (series_id, definition_hash):
                yield tick

    def of(self, name: str, series_id: str) -> list[Row]:
        return [row for row in self.rows[name] if row["series_id"] == series_id]

    def newest(self, series_id: str) -> Version:
        return max(self.versions[series_id], key=lambda version: version.ran[-1])

    def as_of(self, series_id: str) -> datetime:
        return self.newest(series_id).ran[-1]

    @property
    def last_run(self) -> datetime:
        ran: list[datetime] = [tick["as_of"] for tick in self.rows["ticks"]]
        return max(ran)

    def version_at(self, series_id: str, instant: datetime) -> int:
        return next(version.number for version in self.versions[series_id] if instant in version.ran)

    def day(self, instant: datetime) -> date:
        return local(instant, self.zone).date()

    @cached_property
    def lag(self) -> timedelta:
        sources = self.settings.get("sources", {}).values()
        return max((duration(source["lag"]) for source in sources if "lag" in source), default=timedelta(0))

    @cached_property
    def entries(self) -> list[Row]:
        """The entries with everything that the tables tell them apart by."""
        found = []
        for entry in self.rows["entries"]:
            as_of, goal = self.as_of(entry["series_id"]), self.newest(entry["series_id"]).series.goal
            closes = entry["entered_at"] + goal.within if goal else None
            messages = [row for row in self.rows["messages"] if row["entry_id"] == entry["entry_id"]]
            goal_at = entry["goal_event_at"] or entry["goal_at"]
            queued = min((row["queued_at"] for row in messages), default=None)
            found.append(
                entry
                | {
                    "version": self.version_at(entry["series_id"], entry["entered_at"]),
                    "rules": ", ".join(entry["entry_rules"]),
                    "day": self.day(entry["entered_at"]),
                    "maturity": "matured" if closes is None or closes + self.lag <= as_of else "censored",
                    "first": entry["entry_number"] == 1,
                    "measured": bool(goal) and entry["entry_number"] == 1 and not entry["goal_met_at_entry"],
                    "goal_at": goal_at,
                    "early": queued is None or (goal_at is not None and goal_at <= queued),
                    "attributes": json.loads(entry["attributes"] or "{}"),
                    "watched": min(closes, as_of) if closes else min(entry["ended_at"] or as_of, as_of),
                    "has_goal": bool(goal),
                    "sent": any(is_sent(row) for row in messages),
                    "received": any(row["received_at"] for row in messages),
                }
            )
        return found

    def tables(self) -> dict[str, list[Row]]:
        names = (
            "versions goal_conversion tag_conversion lift time_to_goal block_funnel path_flow message_performance"
            " daily_progress goal_by_exit series_overlap customer_tags_now"
        )
        return {name: list(globals()[name](self)) for name in names.split()}


def read(connection: duckdb.DuckDBPyConnection, name: str) -> list[Row]:
    found = connection.execute(f"select * from {name}")
    columns = [column[0] for column in found.description or ()]
    return [
        {key: as_utc(value) if isinstance(value, date) else value for key, value in zip(columns, row, strict=True)}
        for row in found.fetchall()
    ]


def is_sent(message: Row) -> bool:
    return message["status"] == "handed_off" or message["received_at"] is not None


def interval(name: str, found: statistics.Interval | None) -> Row:
    return {f"{name}_low": found.low if found else None, f"{name}_high": found.high if found else None}


def ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def rate(entries: list[Row], measured: str = "measured_customers", converted: str = "converted_customers") -> Row:
    people = [entry for entry in entries if entry["measured"]]
    goals = sum(entry["goal_at"] is not None for entry in people)
    counts = {measured: len(people), converted: goals, "rate": ratio(goals, len(people))}
    return counts | interval("rate", statistics.wilson_interval(goals, len(people)))


def total(entries: list[Row]) -> float | None:
    found = [entry["goal_value"] for entry in entries if entry["goal_value"] is not None]
    return sum(found) if found else None


def values(*arms: list[Row]) -> Row:
    """Value per measured customer; None where nobody's goal had a value."""
    found = [
        None if worth is None or not people else worth / len(people)
        for people in ([entry for entry in arm if entry["measured"]] for arm in arms)
        for worth in [total(people)]
    ]
    return {
        "value_per_customer_treatment": found[0],
        "value_per_customer_holdout": found[1],
        "value_difference": None if found[0] is None or found[1] is None else found[0] - found[1],
    }


def grouped(rows: Iterable[Row], *keys: Callable[[Row], Any]) -> dict[tuple[Any, ...], list[Row]]:
    """The rows by each choice of a value or None (all of them) for the keys that may be left out."""
    found: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        for key in product(*(value if isinstance(value := of(row), tuple) else (value,) for of in keys)):
            found[key].append(row)
    return found


def version(row: Row) -> tuple[int, None]:
    return (row["version"], None)


def series_id(row: Row) -> str:
    return str(row["series_id"])


def arm(row: Row) -> str:
    return str(row["arm"])


def versions(world: World) -> Iterator[Row]:
    for name, found in world.versions.items():
        for one in found:
            goal = one.series.goal
            yield {
                "series_id": name,
                "version": one.number,
                "definition_hash": one.row["definition_hash"],
                "first_as_of": one.row["first_as_of"],
                "newest_as_of": one.ran[-1],
                "runs": len(one.ran),
                "goal": read_yaml(one.row["text"])["goal"]["rule"] if goal else None,
                "goal_within_days": goal.within / DAY if goal else None,
                "holdout": one.series.holdout / 100,
                "is_newest": one is world.newest(name),
            }


def cohorts(row: Row) -> tuple[tuple[str, date | None], ...]:
    day = row["day"]
    week, month = day - timedelta(days=day.weekday()), day.replace(day=1)
    return (("all", None), ("day", day), ("week", week), ("month", month))


def goal_conversion(world: World) -> Iterator[Row]:
    parts: Callable[[Row], Any] = lambda row: ((None, None), *row["attributes"].items())  # noqa: E731
    for part, row in conversion(world, parts):
        yield row | {"breakdown": part[0], "breakdown_value": part[1]}


def tag_conversion(world: World) -> Iterator[Row]:
    tags: dict[Any, list[str]] = defaultdict(list)
    for row in customer_tags_now(world):
        tags[row["customer_id"]].append(row["tag"])
    for tag, row in conversion(world, lambda row: tuple(tags[row["customer_id"]])):
        yield row | {"tag": tag}


def conversion(world: World, parts: Callable[[Row], Any]) -> Iterator[tuple[Any, Row]]:
    """The slices of the entries, each with the part that it is of."""
    rules: Callable[[Row], Any] = lambda row: (row["rules"], None)  # noqa: E731
    maturity: Callable[[Row], Any] = lambda row: (row["maturity"], None)  # noqa: E731
    for key, found in grouped(world.entries, series_id, version, arm, rules, maturity, cohorts, parts).items():
        people = [entry for entry in found if entry["measured"] and entry["goal_at"]]
        row: Row = {
            **dict(zip(("series_id", "version", "arm", "entry_rules", "maturity"), key, strict=False)),
            "cohort_by": key[5][0],
            "cohort": key[5][1],
            "entries": len(found),
            "customers": sum(entry["first"] for entry in found),
            "met_at_entry": sum(entry["goal_met_at_entry"] for entry in found),
            "goals": sum(entry["goal_at"] is not None for entry in found),
            "value": total(found),
            "converted_before_message": sum(entry["early"] for entry in people),
            **rate(found),
        }
        yield key[6], row


def lift(world: World) -> Iterator[Row]:
    maturity: Callable[[Row], Any] = lambda row: (row["maturity"], None)  # noqa: E731
    for key, found in grouped(world.entries, series_id, version, maturity).items():
        first = [entry for entry in found if entry["first"]]
        kept = {one.number: one.series.holdout / 100 for one in world.versions[key[0]]}
        expected = sum(kept[entry["version"]] for entry in first)
        arms = {name: [entry for entry in found if entry["arm"] == name] for name in ("treatment", "holdout")}
        people = {name: [entry for entry in arms[name] if entry["first"]] for name in arms}
        if not expected and not people["holdout"]:
            continue
        row: Row = {"series_id": key[0], "version": key[1], "maturity": key[2]}
        for name, entries in arms.items():
            row[f"{name}_customers"] = len(people[name])
            row |= {f"{name}_{column}": value for column, value in rate(entries).items()}
        counts = [row[f"{name}_{column}"] for name in arms for column in ("converted_customers", "measured_customers")]
        both = counts[1] and counts[3]
        difference = row["treatment_rate"] - row["holdout_rate"] if both else None
        p_value = statistics.sample_ratio_p_value(
            len(people["holdout"]), len(people["treatment"]), expected / len(first) if first else 0
        )
        sizes = (counts[1], counts[3])
        held = row["holdout_rate"]
        yield row | {
            "difference": difference,
            **interval("difference", statistics.newcombe_interval(*counts)),
            "relative_lift": row["treatment_rate"] / held - 1 if both and held else None,
            **interval("relative_lift", statistics.relative_lift_interval(*counts)),
            "added_conversions": None if difference is None else difference * counts[1],
            **values(arms["treatment"], arms["holdout"]),
            "expected_holdout_customers": expected,
            "sample_ratio_p_value": p_value,
            "sample_ratio_ok": None if p_value is None else p_value >= 0.001,
            "smallest_detectable_difference": None
            if held is None
            else statistics.smallest_detectable_difference(held, *sizes),
        }


def time_to_goal(world: World) -> Iterator[Row]:
    measured = [entry for entry in world.entries if entry["measured"]]
    for key, found in grouped(measured, series_id, version, arm).items():
        watched = sorted(
            (((entry["goal_at"] or entry["watched"]) - entry["entered_at"]) / DAY, entry["goal_at"] is not None)
            for entry in found
        )
        goals = [days for days, reached in watched if reached]

        def left(
            until: float, watched: list[tuple[float, bool]] = watched, goals: list[float] = goals
        ) -> tuple[float, float]:
            """Share without the goal until then, by the product limit, with Greenwood's sum."""
            share, spread = 1.0, 0.0
            for time in sorted({days for days in goals if days <= until}):
                at_risk, events = sum(days >= time for days, _ in watched), goals.count(time)
                share *= 1 - events / at_risk
                spread += events / (at_risk * (at_risk - events)) if at_risk > events else math.inf
            return share, spread

        def first_day(
            part: float, goals: list[float] = goals, left: Callable[[float], tuple[float, float]] = left
        ) -> float | None:
            return min((days for days in goals if left(days)[0] <= 1 - part + 1e-9), default=None)

        for day in range(math.ceil(watched[-1][0]) + 1):
            share, spread = left(day)
            low = high = None
            if 0 < share < 1 and not math.isinf(spread):
                power = math.exp(1.959963984540054 * math.sqrt(spread) / abs(math.log(share)))
                low, high = 1 - share ** (1 / power), 1 - share**power
            yield {
                **dict(zip(("series_id", "version", "arm"), key, strict=True)),
                "day": day,
                "at_risk": sum(days >= day for days, _ in watched),
                "converted_customers": sum(days <= day for days in goals),
                "converted_share": 1 - share,
                "converted_share_low": low,
                "converted_share_high": high,
                "median_days": first_day(0.5),
                "p90_days": first_day(0.9),
                "converted_median_days": quantile(goals, 0.5),
                "converted_p90_days": quantile(goals, 0.9),
            }


def quantile(values: list[float], part: float) -> float | None:
    """The smallest value that at least this part of all do not exceed."""
    enough = part * len(values) - 1e-9
    return next((value for value in sorted(values) if sum(other <= value for other in values) >= enough), None)


def texts(world: World, name: str) -> list[Series]:
    """The definitions of a series, the one that ran last first."""
    return [one.series for one in sorted(world.versions[name], key=lambda one: one.ran[-1], reverse=True)]


def block_funnel(world: World) -> Iterator[Row]:
    by_entry = {entry["entry_id"]: entry for entry in world.entries}
    for name in world.versions:
        newest, number = texts(world, name)[0], world.newest(name).number
        order = sorted(newest.blocks.values(), key=lambda block: (newest.level(block), block.order))
        visits = [row | {"version": by_entry[row["entry_id"]]["version"]} for row in world.of("visits", name)]
        found = grouped(visits, version, lambda row: row["block_id"])
        keys = {*found, *product((number, None), newest.blocks)}
        for shown, block_id in keys:
            there = found.get((shown, block_id), [])
            known = next(text.blocks[block_id] for text in texts(world, name) if block_id in text.blocks)
            entered = [
                entry
                for entry in world.entries
                if entry["series_id"] == name and entry["arm"] == "treatment" and shown in (None, entry["version"])
            ]
            ways = [way for text in texts(world, name) for way in branches(text).items()]
            before = {origin for (origin, to), words in ways if to == block_id and words != {"moved"}}
            gone = {origin for (origin, to), words in ways if to == block_id and words == {"moved"}}
            reached = {
                row["entry_id"]
                for row in visits
                if shown in version(row)
                and (row["block_id"] in before or (row["block_id"] in gone and row["outcome"] == "moved"))
            }
            starts = block_id in {block.id for block in newest.entry_rules}
            ages = [(world.as_of(name) - row["arrived_at"]) / DAY for row in there if row["left_at"] is None]
            outcomes = Counter(row["outcome"] for row in there)
            raw = next(
                read_yaml(one.row["text"])["blocks"][block_id]
                for one in sorted(world.versions[name], key=lambda one: one.ran[-1], reverse=True)
                if block_id in one.series.blocks
            )
            yield {
                "series_id": name,
                "version": shown,
                "block_id": block_id,
                "position": order.index(newest.blocks[block_id]) + 1 if block_id in newest.blocks else None,
                "kind": known.kind,
                "label": raw.get("label"),
                "arrived": len(there),
                "waiting": len(ages),
                "waiting_days_p50": quantile(ages, 0.5),
                "waiting_days_p90": quantile(ages, 0.9),
                **{
                    outcome: outcomes[outcome]
                    for outcome in (*GOOD, "not_matched", "not_delivered", "moved", "removed")
                },
                **{f"ended_{status}": outcomes[status] for status in ENDS},
                "share_of_previous": ratio(len(there), len(entered) if starts else len(reached)),
                "share_of_entered": ratio(len(there), len(entered)),
            }


def branches(series: Series) -> dict[tuple[str, str], set[str]]:
    """By the two blocks that a way joins, the branches it is; `moved` from a block that is gone."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for block in (*series.blocks.values(), *series.gone):
        for to in block.then:
            found[block.id, to].add("moved" if block.kind == "gone" else "then")
        for to in block.otherwise:
            found[block.id, to].add("else")
    return found


def path_flow(world: World) -> Iterator[Row]:
    by_entry = {entry["entry_id"]: entry for entry in world.entries}
    for name in world.versions:
        newest, number = texts(world, name)[0], world.newest(name).number
        moves = [row | {"version": by_entry[row["entry_id"]]["version"]} for row in world.of("advances", name)]
        found = grouped(moves, version, lambda row: row["from_block"], lambda row: row["to_block"])
        current = {ends for ends, words in branches(newest).items() if words != {"moved"}}
        for key in {*found, *((shown, *ends) for shown in (number, None) for ends in current)}:
            shown, origin, target = key
            taken = found.get(key, [])
            left = [
                row
                for row in world.of("visits", name)
                if row["block_id"] == origin
                and row["left_at"] is not None
                and shown in (None, by_entry[row["entry_id"]]["version"])
            ]
            ways = (branches(text).get((origin, target)) for text in texts(world, name))
            words = next((found for found in ways if found and found != {"moved"}), {"moved"})
            yield {
                "series_id": name,
                "version": shown,
                "from_block": origin,
                "to_block": target,
                "branch": min(words) if len(words) == 1 else "both",
                "in_definition": (origin, target) in current,
                "advanced": sum(not row["merged"] for row in taken),
                "merged": sum(row["merged"] for row in taken),
                "share_of_left": ratio(len(taken), len(left)),
            }


def message_performance(world: World) -> Iterator[Row]:
    """Rows that count something; those that count nothing are told apart by `is_told`."""
    seen: set[tuple[Any, ...]] = set()
    rows = []
    for message in sorted(world.rows["messages"], key=lambda row: row["entry_id"]):
        whose = (message["series_id"], message["block_id"], message["customer_id"])
        # A series that did not take part in the last run, and a customer who has vanished, have seen less than there
        # is; only the runs know what that was.
        is_up_to_date = world.as_of(message["series_id"]) == world.last_run
        sees_all = is_up_to_date and str(message["customer_id"]) in world.customers
        kinds = {
            row["kind"]
            for row in (world.engagements if sees_all else world.first_engagements)
            if row["message_id"] == message["message_id"]
            and row["occurred_at"] is not None
            and as_utc(row["occurred_at"]) <= world.as_of(message["series_id"])
        }
        measures = ["message", f"status_{message['status']}"]
        if is_sent(message):
            measures += ["sent", *(kind for kind in KINDS if kind in kinds)]
            measures += ["received"] * bool(message["received_at"]) + ["goal"] * bool(message["goal_at"])
        rows.append(
            message
            | {
                "version": world.version_at(message["series_id"], message["queued_at"]),
                "measures": tuple(measures),
                "is_first": whose not in seen,
            }
        )
        seen.add(whose)
    columns: list[Callable[[Row], Any]] = [lambda row: row["block_id"], lambda row: row["channel"]]
    found = grouped(rows, series_id, version, *columns, lambda row: row["measures"])
    for key, messages in found.items():
        customers = sum(row["is_first"] for row in messages)
        base = sum(row["is_first"] for row in found.get((*key[:4], "sent"), []))
        of_sent = key[4] != "message" and not key[4].startswith("status_")
        share = statistics.wilson_interval(customers, base) if of_sent else None
        yield {
            **dict(zip(("series_id", "version", "block_id", "channel", "measure"), key, strict=True)),
            "messages": len(messages),
            "customers": customers,
            "rate": ratio(customers, base) if of_sent else None,
            **interval("rate", share),
        }
    yield from unsent(world)


def unsent(world: World) -> Iterator[Row]:
    queued = {(row["entry_id"], row["block_id"]) for row in world.rows["messages"]}
    rows = []
    for visit in world.rows["visits"]:
        blocks = [text.blocks.get(visit["block_id"]) for text in texts(world, visit["series_id"])]
        block = next(block for block in blocks if block)
        if block.kind != "content" or (visit["entry_id"], visit["block_id"]) in queued:
            continue
        if visit["left_at"] is not None:
            number = world.version_at(visit["series_id"], visit["left_as_of"])
            rows.append(visit | {"version": number, "measure": "unsent_for_good", "channel": block.channel})
        elif visit["blocked_by"]:
            number = world.newest(visit["series_id"]).number
            rows.append(
                visit | {"version": number, "measure": f"unsent_{visit['blocked_by']}", "channel": block.channel}
            )
    columns = [lambda row: row["block_id"], lambda row: row["channel"], lambda row: row["measure"]]
    for key, found in grouped(rows, series_id, version, *columns).items():
        yield {
            **dict(zip(("series_id", "version", "block_id", "channel", "measure"), key, strict=True)),
            "messages": len(found),
            "customers": len({row["customer_id"] for row in found}),
            "rate": None,
            **interval("rate", None),
        }


def daily_progress(world: World) -> Iterator[Row]:
    for name in world.versions:
        entries = [entry for entry in world.entries if entry["series_id"] == name]
        if not entries:
            continue
        messages = world.of("messages", name)
        day, last = min(entry["day"] for entry in entries), world.day(world.as_of(name))
        received = [world.day(row["received_at"]) for row in messages if row["received_at"]]
        active = 0
        while day <= last:
            began = Counter(entry["arm"] for entry in entries if entry["day"] == day)
            reached = (entry for entry in entries if entry["goal_at"] and world.day(entry["goal_at"]) == day)
            goals = Counter(entry["arm"] for entry in reached)
            ended = sum(entry["ended_at"] is not None and world.day(entry["ended_at"]) == day for entry in entries)
            active += began["treatment"] - ended
            yield {
                "series_id": name,
                "day": day,
                "entered": began["treatment"],
                "held_out": began["holdout"],
                "goals": goals["treatment"],
                "holdout_goals": goals["holdout"],
                "ended": ended,
                "active": active,
                "messages_queued": sum(world.day(row["queued_at"]) == day for row in messages),
                "messages_received": received.count(day),
            }
            day += DAY


def goal_by_exit(world: World) -> Iterator[Row]:
    for key, found in grouped(world.entries, series_id, version, arm, lambda row: row["status"]).items():
        yield {
            **dict(zip(("series_id", "version", "arm", "status"), key, strict=True)),
            "entries": len(found),
            "goals": sum(entry["goal_at"] is not None for entry in found),
            "goals_after_end": sum(
                bool(entry["goal_at"] and entry["ended_at"] and entry["goal_at"] > entry["ended_at"]) for entry in found
            ),
            "finished_a_path": sum(entry["path_finished"] for entry in found),
            "sent": sum(entry["sent"] for entry in found),
            "received": sum(entry["received"] for entry in found),
            "met_at_entry": sum(entry["goal_met_at_entry"] for entry in found),
            "value": total(found),
            **rate(found),
        }


def series_overlap(world: World) -> Iterator[Row]:
    first = [entry for entry in world.entries if entry["first"]]
    for (name, side), found in grouped(first, series_id, arm).items():
        for other in world.versions.keys() - {name}:
            shared = [
                entry
                for entry in found
                if any(
                    theirs["series_id"] == other
                    and theirs["arm"] == "treatment"
                    and theirs["customer_id"] == entry["customer_id"]
                    and theirs["entered_at"] <= entry["watched"]
                    and (theirs["ended_at"] is None or theirs["ended_at"] >= entry["entered_at"])
                    for theirs in world.entries
                )
            ]
            if shared:
                yield {
                    "series_id": name,
                    "arm": side,
                    "other_series_id": other,
                    "customers": len(found),
                    "shared_customers": len(shared),
                    "shared_share": len(shared) / len(found),
                    "shared_goals": sum(entry["goal_at"] is not None for entry in shared),
                }


def customer_tags_now(world: World) -> Iterator[Row]:
    newest: dict[tuple[Any, str], Row] = {}
    order = ("as_of", "action", "entry_id", "block_id")
    for write in sorted(world.rows["tag_writes"], key=lambda row: [row[name] for name in order]):
        newest[write["customer_id"], write["tag"]] = write
    pending = {(row["customer_id"], row["tag"]) for row in world.pending_tags}
    for key, write in newest.items():
        if write["action"] == "add":
            columns = ("customer_id", "tag", "series_id", "block_id", "as_of")
            yield {
                **{name: write[name] for name in columns},
                "in_source": key not in pending if world.has_tags else None,
            }
