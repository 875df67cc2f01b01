"""In which order a run looks at blocks: after all that can be passed on the way to them within one run."""

from __future__ import annotations

from pathlib import Path

from pipelines import Project
from pipelines.compile.levels import run_levels
from pipelines.memo import Memo
from pipelines.run import read_definitions

SERIES = """
series: ways
status: live
schedule: hourly
blocks:
  start:  {rule: "plan = 'Free'", then: [hello, asks]}
  hello:  {content: post, title: Hello, then: opened, else: ping}
  opened: {rule: opened('hello'), within: 1 day, then: settle, else: ping}
  settle: {wait: 1 day, then: meet}
  ping:   {content: sms, text: Hello, then: thanks}
  thanks: {tag: thanked, then: meet}
  meet:   {rule: received('ping'), within: 1 day, then: later}
  asks:   {content: sms, text: "?", then: hear}
  hear:   {content: post, title: Hear, then: heard}
  heard:  {rule: received('asks'), within: 1 day}
  later:  {content: post, title: Later}
"""


def test_a_message_to_be_received_ends_the_way(tmp_path: Path) -> None:
    (tmp_path / "series_definitions").mkdir()
    (tmp_path / "series_definitions" / "ways.yml").write_text(SERIES)
    (tmp_path / "series.yml").write_text("channels: {sms: {receipts: false}}\n")
    checked, _, problems = read_definitions(Project.open(tmp_path).definitions, None, Memo())
    assert [problem for problem in problems if problem.severity == "error"] == []
    levels = run_levels(checked.series["ways"], checked.settings.channels)
    assert levels == {
        "start": 0,
        "hello": 1,
        "opened": 1,  # whoever comes here has stood at `hello` before
        "settle": 2,
        "ping": 2,
        "thanks": 3,  # `ping` is passed at once
        "meet": 4,
        "asks": 1,
        "hear": 2,
        "heard": 2,  # stood at `hear` before; but `asks` counts as received in the run that queues it
        "later": 5,
    }
