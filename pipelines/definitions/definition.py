"""A series' YAML text to a ``Series``, with everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from typing import cast

from pipelines.definitions.block import read_block
from pipelines.definitions.clock import time_zone
from pipelines.definitions.goal import read_goal
from pipelines.definitions.gone import read_gone
from pipelines.definitions.guards import read_guards
from pipelines.definitions.vocabulary import REENTRY, SCHEDULES, SERIES
from pipelines.document import Fields, read_document
from pipelines.graph import structure_problems
from pipelines.hint import did_you_mean
from pipelines.model import (
    STATUSES,
    AnyBlock,
    Block,
    ContentBlock,
    DateTime,
    Reentry,
    Series,
    Status,
    WaitBlock,
    WeekdayTime,
)
from pipelines.problems import Position, Problem, in_order
from pipelines.reader import Reader

MAX_BLOCKS = 1_000
MAX_PRIORITY = 1_000


def read_series(text: str, file: str) -> tuple[Series | None, list[Problem]]:
    """Reads one definition, without looking at other files or the warehouse.

    Args:
        text: The file's text.
        file: Its path relative to the project, with ``/``; its name is the series' id.

    Returns:
        The series, None when anything is wrong; and every problem found.
    """
    series, problems = draft_series(text, file)
    return (None if problems else series), problems


def draft_series(text: str, file: str) -> tuple[Series, list[Problem]]:
    """Like ``read_series``, but with problems the series holds all that could be read, to look for further ones."""
    node, problems = read_document(text, file)
    if isinstance(node, Fields):
        return _read(Reader(node, "the series", SERIES, problems), text, file), in_order(problems)
    if not problems:
        problems.append(Problem(Position(file, 1, 1), _no_mapping(node is None)))
    return _read(Reader(Fields({}, Position(file, 1, 1)), "", SERIES, []), text, file), problems


def _read(reader: Reader, text: str, file: str) -> Series:
    reader.require("series", "status", "schedule", "blocks")
    blocks = _read_blocks(reader)
    if zone := reader.parsed("timezone", time_zone):
        blocks = {block_id: _in_zone(block, zone) for block_id, block in blocks.items()}
    reader.problems.extend(structure_problems(blocks))
    return Series(
        series_id=_read_series_id(reader, file),
        position=reader.key_position("series"),
        file=file,
        text=text,
        status=cast(Status, reader.choice("status", STATUSES) or "draft"),
        schedule=reader.parsed("schedule", parse_schedule) or SCHEDULES["nightly"],
        blocks=cast(Mapping[str, AnyBlock], {key: block for key, block in blocks.items() if type(block) is not Block}),
        title=reader.string("title"),
        exit=reader.text("exit"),
        goal=read_goal(reader),
        reentry=_read_reentry(reader),
        idle_exit=reader.duration("idle_exit"),
        holdout=reader.percent("holdout") or Decimal(0),
        priority=reader.integer("priority", 0, MAX_PRIORITY) or 0,
        guards=read_guards(reader, of_series=True),
        description=reader.string("description"),
        owner=reader.string("owner"),
        breakdowns=reader.texts("breakdowns"),
        gone=read_gone(reader, blocks),
    )


def parse_schedule(text: str) -> str:
    """Reads ``hourly``, ``nightly`` or a cron expression, and gives the cron expression.

    >>> parse_schedule("nightly"), parse_schedule("30 6 * * 1-5")
    ('0 2 * * *', '30 6 * * 1-5')

    Raises:
        ValueError: It is none of them.
    """
    import datetime

    from cronsim import CronSim, CronSimError

    if text in SCHEDULES:
        return SCHEDULES[text]
    cron = " ".join(text.split())
    try:
        if len(cron.split()) == 5:
            CronSim(cron, datetime.datetime(2026, 1, 1))
            return cron
    except CronSimError:
        pass
    hint = did_you_mean(text, SCHEDULES) or "; write `hourly`, `nightly`, or a cron expression such as `30 6 * * 1-5`"
    raise ValueError(f"`{text}` is not a schedule{hint}")


def _no_mapping(is_empty: bool) -> str:
    if is_empty:
        return "the file is empty; begin it with `series:` and the series' id, or delete it"
    return "the file must be a mapping that begins with `series:`"


def _read_series_id(reader: Reader, file: str) -> str:
    stem = PurePosixPath(file).stem
    series_id = reader.text("series")
    if series_id is None:
        return stem
    reader.identifier(series_id, "series")
    if series_id.value != stem:
        reader.report(
            series_id.position,
            f"the series is `{series_id}`, but its file is `{stem}.yml`; rename one, so that they are the same",
        )
    return series_id.value


def _read_blocks(reader: Reader) -> dict[str, Block]:
    inner = reader.inner("blocks", None)
    if inner is None:
        return {}
    count = len(inner.node.entries)
    if not 0 < count <= MAX_BLOCKS:
        reader.report(inner.position, f"a series has 1 to {MAX_BLOCKS:,} blocks, and this one {count:,}")
        return {}
    for entry in inner.node.entries.values():
        inner.identifier(entry.key, "block")
    return {block_id: read_block(inner, block_id) for block_id in inner.node.entries}


def _in_zone(block: Block, zone: str) -> Block:
    """The block with its wall clocks in the series' zone, where it does not say one itself."""
    if isinstance(block, ContentBlock) and block.send and block.send.timezone is None:
        return replace(block, send=replace(block.send, timezone=zone))
    if isinstance(block, WaitBlock) and isinstance(block.until, WeekdayTime | DateTime) and not block.until.timezone:
        return replace(block, until=replace(block.until, timezone=zone))
    return block


def _read_reentry(reader: Reader) -> Reentry | None:
    inner = reader.inner("reentry", REENTRY)
    if inner is None:
        return None
    inner.require("after")
    after = inner.duration("after", zero=True)
    return Reentry(after or timedelta(0), inner.integer("limit", 1, 1_000_000))
