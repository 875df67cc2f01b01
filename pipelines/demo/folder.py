"""The demo's folder: an ordinary project with the shipped series."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipelines.definitions.load import FOLDER
from pipelines.definitions.settings import PROJECT_FILE
from pipelines.demo.story import Story
from pipelines.problems import UsageError
from pipelines.schedule import format_instant

_SHIPPED = Path(__file__).parent.parent.parent / FOLDER
_MARK = "# Made by `series demo`."
_SETTINGS = f"""{_MARK} Every key has a default; these are written out to be changed.
warehouse: {{engine: duckdb, path: warehouse/warehouse.duckdb}}
timezone: UTC
senders:
  outbox: {{type: files, path: outbox, format: jsonl}}
sending: {{batch_size: 500}}
"""
_README = """# A demo of warehouse-series

A made-up software company: customers who sign up, log in, buy and leave, five series that write to them, and their
answers. All of it was run, hour by hour, by the same commands that you would use.

| | |
|---|---|
| `series_definitions/` | the series; change one, then `series validate` |
| `warehouse/` | customers, events, engagements and the series' own tables, in one DuckDB file |
| `outbox/` | the messages, one file for each batch with a manifest beside it |

```sh
# Who is where
series status

# What happened to one customer, and why
series explain c1

# The next hour
series run --as-of {next_as_of}

# Tell the same story again, with the series as they are now
{again}
```

The warehouse is open to any DuckDB client:

```sql
-- What became of everybody who entered, with the series and without it
select series_id, arm, status, count(*) from series.entries group by all order by all;

-- One customer's way
select block_id, arrived_at, left_at, outcome from series.visits
where customer_id = 'c1' order by arrived_at;
```

What people do in the three days after the story is in `engagements` and `events` already; a run sees it when its time
has come. Schema `demo` holds what no company knows about its customers, such as who is curious.
"""


def prepare(folder: Path, story: Story, *, force: bool) -> None:
    """Make the project, without its warehouse; the series and settings of an earlier demo stay as they are.

    Args:
        folder: Where; made when it is absent.
        story: What will be told in it.
        force: Remove warehouse and outbox of an earlier demo in this folder.

    Raises:
        UsageError: There is something in the folder that is not to be overwritten.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; name a folder that is empty or not there yet.")
    if folder.exists() and any(folder.iterdir()):
        _clear(folder, force=force)
    shutil.copytree(_SHIPPED, folder / FOLDER, dirs_exist_ok=True, copy_function=_copy_absent)
    _write_absent(folder / PROJECT_FILE, _SETTINGS)
    again = f"series demo . --force --customers {story.customers} --hours {story.hours} --seed {story.seed}"
    readme = _README.format(next_as_of=format_instant(story.ends_at), again=again)
    (folder / "README.md").write_text(readme, encoding="utf-8")


def _clear(folder: Path, *, force: bool) -> None:
    settings = folder / PROJECT_FILE
    if not (settings.is_file() and settings.read_text(encoding="utf-8").startswith(_MARK)):
        raise UsageError(f"{folder} holds something that is not a demo; name a folder that is empty or not there yet.")
    if not force:
        raise UsageError(
            f"{folder} holds a demo already. Name another folder, or tell the story again with --force: "
            "its series stay as they are, its warehouse and outbox are made anew."
        )
    for name in ("warehouse", "outbox"):
        shutil.rmtree(folder / name, ignore_errors=True)


def _copy_absent(source: str, target: str) -> None:
    if not Path(target).exists():
        shutil.copyfile(source, target)


def _write_absent(file: Path, text: str) -> None:
    if not file.exists():
        file.write_text(text, encoding="utf-8")
