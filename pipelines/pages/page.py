"""What a page holds: the rows of the report's tables that it shows, put into its template."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import polars as pl
import polars.selectors as selectors
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from pipelines.duration import format_duration
from pipelines.model import ENGAGEMENT_KINDS
from pipelines.pages import formats
from pipelines.pages.cells import cells, cohort_length
from pipelines.pages.charts import conversion_curve, daily_bars, days_of_bar, whisker
from pipelines.pages.picture import Picture, block_text, block_title, draw
from pipelines.report import Report
from pipelines.report.history import SeriesHistory
from pipelines.report.measures import MEASURES, is_told
from pipelines.report.tables import TABLES

Row = Mapping[str, Any]

MOST_BYTES = 1_000_000
"""Of a page, whatever the number of customers; versions that do not fit are left out of its filter, oldest first."""

_MOST_VERSION_BYTES = 600_000
_SHOWN_MEASURES = ("message", "sent", "received", *ENGAGEMENT_KINDS, "goal")
_ALWAYS_SHOWN = ("message", "sent", "received")
_TELLING_ZEROS = ("opened", "clicked", "completed", "bounced", "unsubscribed", "goal")
_HELD_BACK = "unsent_"
_MOST_ROWS = 60
_SIDE_BY_SIDE = 640


@dataclass(frozen=True, slots=True)
class Pane:
    """What a page shows of one version of its series.

    Attributes:
        version: None: all versions together.
        funnel: Rows of ``block_funnel`` with ``title`` and ``detail``.
        messages: Rows of ``message_performance`` by block and channel, each a mapping from measure to row.
        held_back: Rows of it about visits that wait for a message.
        slices: Rows of ``goal_conversion`` of the treatment, by entry rules and by breakdown.
        lift: The row of ``lift`` of all its entries; None: nobody is kept aside.
    """

    version: int | None
    picture: Picture | None
    funnel: Sequence[Row]
    gone: Sequence[Row]
    curve: Markup | None
    times: Sequence[Row]
    messages: Sequence[Mapping[str, Any]]
    held_back: Sequence[Row]
    exits: Sequence[Row]
    slices: Sequence[Row]
    lift: Row | None
    headline: Mapping[str, str]


def series_page(report: Report, *, index: bool = False) -> str:
    """The page of the only series in a report; ``index`` says whether there is one to lead back to."""
    (series_id, history), *_ = report.series.items()
    tables = report.tables
    versions = sorted(tables["versions"].iter_rows(named=True), key=lambda row: -row["version"])
    panes = _panes(history, tables, [row["version"] for row in versions])
    conversion = tables["goal_conversion"]
    return _environment().get_template("series.html.jinja").render(
        series_id=series_id,
        history=history,
        series=history.series,
        as_of=report.as_of,
        caveat=report.caveat,
        timezone=report.timezone,
        versions=versions,
        panes=panes,
        index=index,
        headlines={str(pane.version or ""): pane.headline for pane in panes},
        total=_total(conversion),
        lift=_whole_lift(tables["lift"]),
        cohorts=_cohorts(conversion),
        cells=cells(conversion, tables["tag_conversion"]),
        days_of_bar=days_of_bar(tables["daily_progress"].height),
        daily=daily_bars(tables["daily_progress"].rows(named=True), name="daily"),
        days=tables["daily_progress"].sort("day", descending=True).head(_MOST_ROWS).rows(named=True),
        overlap=tables["series_overlap"]
        .sort("arm", "shared_customers", descending=True, maintain_order=True)
        .rows(named=True),
        differences=report.differences,
        shown_measures=[name for name in _SHOWN_MEASURES if _is_shown(name, panes)],
    )  # fmt: skip


def index_page(report: Report, names: Mapping[str, str]) -> str:
    """The page that leads to those of all series.

    Args:
        report: Of all series.
        names: The file of each series' page.
    """
    rows = [_index_row(history, report.of(series_id), names[series_id]) for series_id, history in report.series.items()]
    highest = max((row["total"]["treatment"]["rate_high"] or 0 for row in rows), default=0)
    return (
        _environment()
        .get_template("index.html.jinja")
        .render(
            rows=rows,
            most=highest,
            as_of=report.as_of,
            caveat=report.caveat,
            timezone=report.timezone,
            differences=report.differences,
        )
    )


def _index_row(history: SeriesHistory, report: Report, page: str) -> dict[str, Any]:
    """One series on the index; ``report`` is its own."""
    return {
        "history": history,
        "series": history.file or history.series,
        "total": _total(report.tables["goal_conversion"]),
        "lift": _whole_lift(report.tables["lift"]),
        "headline": _headline(history, report.tables, None),
        "page": page,
    }


def _whole_lift(lift: pl.DataFrame) -> Row | None:
    return _one(lift.filter(pl.col("version").is_null() & pl.col("maturity").is_null()))


def _panes(history: SeriesHistory, tables: Mapping[str, pl.DataFrame], versions: Sequence[int]) -> list[Pane]:
    """All versions together, and each version that fits; with one version there is nothing to choose."""
    panes = [_pane(history, tables, None)]
    size = 0
    for version in versions if len(versions) > 1 else ():
        pane = _pane(history, tables, version)
        size += len(render_pane(pane))
        if size > _MOST_VERSION_BYTES:
            break
        panes.append(pane)
    return panes


def render_pane(pane: Pane) -> str:
    """The parts of a page that a choice of the version replaces."""
    return _environment().get_template("pane.html.jinja").render(pane=pane, shown_measures=_SHOWN_MEASURES)


def _pane(history: SeriesHistory, tables: Mapping[str, pl.DataFrame], version: int | None) -> Pane:
    of = pl.col("version").is_null() if version is None else pl.col("version") == version
    name = f"v{version or 'all'}"
    funnel = [
        {**row, "title": block_title(history, row["block_id"]), "text": block_text(history, row["block_id"])}
        for row in _of_version(tables["block_funnel"], version, pl.col("position").is_not_null(), "block_id")
        .sort("position", nulls_last=True)
        .iter_rows(named=True)
    ]
    ways = _of_version(tables["path_flow"], version, pl.col("in_definition"), "from_block", "to_block")
    times = tables["time_to_goal"].filter(of).rows(named=True)
    picture = draw(history, funnel, ways.rows(named=True), name=f"graph-{name}")
    performance = tables["message_performance"].filter(of)
    slices = tables["goal_conversion"].filter(
        of & pl.col("maturity").is_null() & (pl.col("cohort_by") == "all") & (pl.col("arm") == "treatment")
    )
    return Pane(
        version=version,
        picture=picture,
        funnel=[row for row in funnel if row["position"] is not None],
        gone=[row for row in funnel if row["position"] is None],
        curve=conversion_curve(times, name=f"curve-{name}"),
        times=sorted((row for row in times if row["day"] == 0), key=lambda row: row["arm"], reverse=True),
        messages=_messages(history, performance),
        held_back=[
            {**row, "title": block_title(history, row["block_id"]), "why": _why_not_sent(row["measure"])}
            for row in performance.filter(pl.col("measure").str.starts_with(_HELD_BACK)).iter_rows(named=True)
            if row["messages"]
        ],
        exits=tables["goal_by_exit"].filter(of).sort("arm", "entries", descending=True).rows(named=True),
        slices=_slices(slices),
        lift=_one(tables["lift"].filter(of & pl.col("maturity").is_null())),
        headline=_headline(history, tables, version),
    )


def _of_version(frame: pl.DataFrame, version: int | None, is_drawn: pl.Expr, *key: str) -> pl.DataFrame:
    """The rows of a version, or of all; what is drawn and was reached by nobody of the version is there with zeros."""
    every = frame.filter(pl.col("version").is_null())
    if version is None:
        return every
    rows = frame.filter(version=version)
    counts = selectors.integer() - selectors.by_name("version", "position", require_all=False)
    unreached = every.filter(is_drawn).join(rows, on=key, how="anti")
    zeros = unreached.with_columns(
        counts * 0, pl.when(pl.lit(value=False)).then(selectors.float()), version=pl.lit(version, dtype=pl.Int64)
    )
    return pl.concat([rows, zeros])


def _slices(frame: pl.DataFrame) -> list[Row]:
    """By entry rule where there are several, then by each breakdown; of many values those with the most customers."""
    by_rule = frame.filter(pl.col("entry_rules").is_not_null() & pl.col("breakdown").is_null())
    by_value = frame.filter(pl.col("entry_rules").is_null() & pl.col("breakdown").is_not_null())
    rows = [{**row, "by": "entry rule", "slice": row["entry_rules"]} for row in by_rule.iter_rows(named=True)]
    rows = rows if len(rows) > 1 else []
    rows += [{**row, "by": row["breakdown"], "slice": row["breakdown_value"]} for row in by_value.iter_rows(named=True)]
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["by"], []).append(row)
    return [
        row
        for group in groups.values()
        for row in sorted(group, key=lambda row: -row["customers"])[:_MOST_ROWS]
    ]  # fmt: skip


def _messages(history: SeriesHistory, performance: pl.DataFrame) -> list[Mapping[str, Any]]:
    found: dict[tuple[str, str | None], dict[str, Any]] = {}
    order = {block_id: place for place, block_id in enumerate(history.block_ids)}
    for row in performance.iter_rows(named=True):
        block_id, channel = row["block_id"], row["channel"]
        block = {"block_id": block_id, "channel": channel, "title": block_title(history, block_id)}
        found.setdefault((block_id, channel), block)[row["measure"]] = row
    return sorted(found.values(), key=lambda block: order.get(block["block_id"], len(order)))


def _why_not_sent(measure: str) -> str:
    """Why a visit has no message: what holds it back now, or that it was left."""
    reason = measure.removeprefix(_HELD_BACK)
    return "left without a message" if reason == "for_good" else f"waits: {formats.words(reason)}"


def _is_shown(measure: str, panes: Sequence[Pane]) -> bool:
    """Kinds of engagement that nobody misses have a column only where there are some."""
    if measure in _ALWAYS_SHOWN:
        return True
    blocks = [block for block in panes[0].messages if is_told(measure, block)]
    if measure == "delivered":  # beside `received` only where the two differ
        return any(block[measure]["messages"] != block["received"]["messages"] for block in blocks)
    return bool(blocks) and (measure in _TELLING_ZEROS or any(block[measure]["messages"] for block in blocks))


def _headline(history: SeriesHistory, tables: Mapping[str, pl.DataFrame], version: int | None) -> dict[str, str]:
    of = pl.col("version").is_null() if version is None else pl.col("version") == version
    active = tables["goal_by_exit"].filter(of & (pl.col("status") == "active"))["entries"].to_list()
    waiting = tables["block_funnel"].filter(of & (pl.col("waiting") > 0)).sort("waiting", descending=True)
    sent, received = (
        tables["message_performance"].filter(of & (pl.col("measure") == measure))["messages"].to_list()
        for measure in ("sent", "received")
    )
    most = waiting.row(0, named=True) if waiting.height else None
    return {
        "active": formats.count(sum(active)),
        "waiting": f"most at “{block_title(history, most['block_id'])}” ({formats.count(most['waiting'])})"
        if most
        else "nobody waits",
        "sent": formats.count(sum(sent)),
        "received": f"{formats.count(sum(received))} received",
    }


def _total(conversion: pl.DataFrame) -> dict[str, Row]:
    """All entries of an arm together, by arm; counts of 0 where there are none.

    ``open`` are the measured customers whose goal window is, ``rate_over`` is the rate of the others.
    """
    whole = conversion.filter(
        pl.col("version").is_null()
        & pl.col("entry_rules").is_null()
        & pl.col("breakdown").is_null()
        & (pl.col("cohort_by") == "all")
    )
    found: dict[str, Row] = {}
    for arm in ("treatment", "holdout"):
        rows = whole.filter(arm=arm)
        row = _one(rows.filter(pl.col("maturity").is_null()))
        still_open, over = (_one(rows.filter(maturity=maturity)) for maturity in ("censored", "matured"))
        empty = {name: None if name.startswith("rate") or name == "value" else 0 for name in conversion.columns}
        found[arm] = {
            **(row or empty),
            "open": still_open["measured_customers"] if still_open else 0,
            "rate_over": over["rate"] if over else None,
        }
    return found


def _cohorts(conversion: pl.DataFrame) -> list[dict[str, Any]]:
    """One cohort each, newest last: ``cohort`` and the rows of both arms, None where an arm has nobody."""
    shown = cohort_length(conversion.filter(cohort_by="day")["cohort"].to_list())
    rows = conversion.filter(
        pl.col("version").is_null()
        & pl.col("entry_rules").is_null()
        & pl.col("breakdown").is_null()
        & pl.col("maturity").is_null()
        & (pl.col("cohort_by") == shown)
    )
    found: dict[Any, dict[str, Any]] = {}
    for row in rows.sort("cohort").iter_rows(named=True):
        cohort = found.setdefault(row["cohort"], {"cohort": row["cohort"], "treatment": None, "holdout": None})
        cohort[row["arm"]] = row
    return list(found.values())


def _one(frame: pl.DataFrame) -> Row | None:
    return frame.row(0, named=True) if frame.height else None


def script_data(value: Any) -> Markup:
    r"""JSON that may stand in a script element: nothing in it ends the element or a line.

    >>> script_data({"a": "</script>\u2028"})
    Markup('{"a":"\\u003c/script\\u003e\\u2028"}')
    """
    text = json.dumps(value, separators=(",", ":"), default=str)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 (what could end the element is escaped above)


def prose(text: str) -> Markup:
    """A description whose `names` stand between backticks, as HTML.

    >>> prose("Of `a<b`.")
    Markup('Of <code>a&lt;b</code>.')
    """
    parts = [escape(part) for part in text.split("`")]
    marked = [Markup("<code>{}</code>").format(part) if index % 2 else part for index, part in enumerate(parts)]
    return Markup("").join(marked)


@cache
def _static(name: str) -> Markup:
    return Markup(files("pipelines.pages").joinpath("static", name).read_text(encoding="utf-8"))  # noqa: S704 (our own)


def _script_hash() -> str:
    return base64.b64encode(hashlib.sha256(_static("report.js").encode()).digest()).decode()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipelines.pages", "static"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for function in (
        formats.count,
        formats.percent,
        formats.points,
        formats.relative,
        formats.interval,
        formats.decimal,
        formats.instant,
        formats.words,
        formats.shorten,
        formats.windows,
        formats.met,
        script_data,
        prose,
        whisker,
        format_duration,
    ):
        environment.filters[function.__name__] = function
        environment.globals[function.__name__] = function
    environment.globals.update(
        static=_static, script_hash=_script_hash, tables=TABLES, measures=MEASURES, side_by_side=_SIDE_BY_SIDE
    )
    return environment
