from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.model import Sender as Settings
from pipelines.senders import Batch, Outcome, SenderError, open_sender
from pipelines.senders.files import FilesSender
from pipelines.senders.folder import LocalFolder
from pipelines.senders.protocol import MESSAGE_COLUMNS
from pipelines.whole_file import write_whole

BIGINT = pa.int64()
FORMATS = ("jsonl", "csv", "parquet")
QUEUED = datetime(2026, 3, 1, 9, 0, 0, 250000)
HOSTILE = '=1+1,"q" \'x\'\\ \n\r\n\t\x00\x01\x1b\x7f\u2028 }" , "x": {{ y }} İß😀'
ADDRESSES = ("plain@example.com", HOSTILE, "", None)


def table(customer_id: pa.DataType = BIGINT) -> pa.Table:
    """One message per address; the second with a hostile payload, the last with none."""
    count = len(ADDRESSES)
    payloads = ['{"subject":"Hi"}', json.dumps({"body": HOSTILE}, ensure_ascii=False), '{\n"a":\r\n 1}', None]
    return pa.table(
        {
            "message_id": [f"m{number}" for number in range(count)],
            "customer_id": pa.array(range(count)).cast(customer_id),
            "address": pa.array(ADDRESSES, pa.string()),
            "channel": ["email"] * count,
            "series_id": ["welcome"] * count,
            "block_id": ["mail"] * count,
            "entry_id": pa.array(range(count), pa.int64()),
            "queued_at": pa.array([QUEUED] * count, pa.timestamp("us")),
            "expires_at": pa.array([None] * count, pa.timestamp("us")),
            "payload": pa.array(payloads, pa.string()),
        }
    )


def batch(messages: pa.Table | None = None, batch_id: str = "20260301T0900-welcome.mail_1") -> Batch:
    rows = table() if messages is None else messages
    return Batch(batch_id, "welcome", "mail", "email", datetime(2026, 3, 1, 9), rows)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def read(folder: Path, file_format: str) -> list[dict[str, Any]]:
    content = (folder / f"{batch().batch_id}.{file_format}").read_bytes()
    if file_format == "jsonl":
        return [json.loads(line) for line in content.decode().removesuffix("\n").split("\n")]
    if file_format == "csv":
        return list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(content)).to_pylist()
    return rows


def test_the_columns_are_those_that_a_sender_gets() -> None:
    assert table().column_names == list(MESSAGE_COLUMNS)


def test_jsonl_says_exactly_what_the_messages_say(tmp_path: Path) -> None:
    assert FilesSender(LocalFolder(tmp_path), "jsonl").send(batch()) == Outcome()
    rows = read(tmp_path, "jsonl")
    assert [list(row) for row in rows] == [list(MESSAGE_COLUMNS)] * 4
    assert tuple(row["address"] for row in rows) == ADDRESSES
    assert [row["payload"] for row in rows] == [{"subject": "Hi"}, {"body": HOSTILE}, {"a": 1}, {}]
    assert (rows[0]["customer_id"], rows[0]["queued_at"], rows[0]["expires_at"]) == (
        0,
        "2026-03-01T09:00:00.250Z",
        None,
    )


def test_csv_says_exactly_what_the_messages_say(tmp_path: Path) -> None:
    FilesSender(LocalFolder(tmp_path), "csv").send(batch())
    rows = read(tmp_path, "csv")
    assert [row["address"] for row in rows] == ["plain@example.com", HOSTILE, "", ""]
    assert json.loads(rows[1]["payload"]) == {"body": HOSTILE}
    assert (rows[0]["customer_id"], rows[0]["queued_at"]) == ("0", "2026-03-01T09:00:00.250Z")
    assert '"mail",2,"2026' in (tmp_path / f"{batch().batch_id}.csv").read_text()


def test_parquet_says_exactly_what_the_messages_say(tmp_path: Path) -> None:
    FilesSender(LocalFolder(tmp_path), "parquet").send(batch())
    rows = read(tmp_path, "parquet")
    assert rows == [row | {"queued_at": QUEUED.replace(tzinfo=UTC)} for row in table().to_pylist()]


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("customer_id", [pa.string(), pa.int64(), pa.decimal128(38, 0)], ids=str)
def test_the_same_batch_has_the_same_bytes(tmp_path: Path, file_format: str, customer_id: pa.DataType) -> None:
    whole = table(customer_id)
    in_chunks = pa.concat_tables([whole.slice(0, 1), whole.slice(1)])
    within_more = pa.concat_tables([whole, whole]).slice(4, 4)
    for number, messages in enumerate((whole, in_chunks, within_more)):
        FilesSender(LocalFolder(tmp_path / str(number)), file_format).send(batch(messages))
    assert files(tmp_path / "0") == files(tmp_path / "1") == files(tmp_path / "2")


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_manifest_tells_whether_the_file_is_the_one_that_was_written(tmp_path: Path, file_format: str) -> None:
    FilesSender(LocalFolder(tmp_path), file_format).send(batch())
    name = f"{batch().batch_id}.{file_format}"
    assert sorted(files(tmp_path)) == sorted([name, f"{batch().batch_id}.manifest.json"])
    assert json.loads((tmp_path / f"{batch().batch_id}.manifest.json").read_text()) == {
        "batch_id": batch().batch_id,
        "series_id": "welcome",
        "block_id": "mail",
        "channel": "email",
        "as_of": "2026-03-01T09:00:00Z",
        "message_count": 4,
        "file": name,
        "format": file_format,
        "sha256": hashlib.sha256((tmp_path / name).read_bytes()).hexdigest(),
        "columns": list(MESSAGE_COLUMNS),
    }


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_repeat_changes_nothing_and_other_content_is_refused(tmp_path: Path, file_format: str) -> None:
    sender = FilesSender(LocalFolder(tmp_path), file_format)
    assert not sender.has(batch().batch_id)
    sender.send(batch())
    assert sender.has(batch().batch_id)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir() if path.is_file()}
    assert sender.send(batch()) == Outcome()
    with pytest.raises(SenderError, match=f"{file_format} is there with another content, and is not overwritten"):
        sender.send(batch(table().slice(1)))
    assert {
        path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir() if path.is_file()
    } == before


def test_parquet_of_another_version_of_the_library_is_the_same_content(tmp_path: Path) -> None:
    FilesSender(LocalFolder(tmp_path), "parquet").send(batch())
    path = tmp_path / f"{batch().batch_id}.parquet"
    (tmp_path / f"{batch().batch_id}.manifest.json").unlink()
    pq.write_table(pq.read_table(path), path, compression="snappy")
    written_elsewhere = path.read_bytes()
    FilesSender(LocalFolder(tmp_path), "parquet").send(batch())
    manifest = json.loads((tmp_path / f"{batch().batch_id}.manifest.json").read_text())
    assert path.read_bytes() == written_elsewhere
    assert manifest["sha256"] == hashlib.sha256(written_elsewhere).hexdigest()


def test_a_missing_manifest_is_made_up_for(tmp_path: Path) -> None:
    sender = FilesSender(LocalFolder(tmp_path))
    sender.send(batch())
    whole = files(tmp_path)
    (tmp_path / f"{batch().batch_id}.manifest.json").unlink()
    leftover = tmp_path / ".unfinished" / f"{batch().batch_id}.jsonl.0123"
    leftover.write_text("half a file that a killed process left")
    sender.send(batch())
    assert not leftover.exists()
    assert files(tmp_path) == whole


@pytest.mark.parametrize("batch_id", ["", "../up", "a/b", ".hidden", "-rf", "a b", "a\nb", "ä", "a*", "x" * 201])
def test_an_id_that_is_no_safe_file_name_is_refused(tmp_path: Path, batch_id: str) -> None:
    with pytest.raises(SenderError, match="cannot be a file name"):
        FilesSender(LocalFolder(tmp_path / "outbox")).send(batch(batch_id=batch_id))
    assert not (tmp_path / "outbox").exists()


def test_a_folder_that_cannot_be_written_is_an_error_of_the_sender(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file where the folder should be")
    with pytest.raises(SenderError, match="cannot be written: "):
        FilesSender(LocalFolder(tmp_path / "outbox")).send(batch())


def test_a_file_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    def fail(file: io.BufferedIOBase) -> None:
        file.write(b"half")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        write_whole(tmp_path / "b1.jsonl", fail)  # type: ignore[arg-type]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_settings_say_where_and_how(tmp_path: Path) -> None:
    sender = open_sender(Settings("outbox", "files", {"path": "out/box", "format": "csv"}), tmp_path)
    assert sender == FilesSender(LocalFolder(tmp_path / "out" / "box"), "csv")
    assert sender.promise == "exactly_once"
    with pytest.raises(SenderError, match="There is no type of sender `pigeon`"):
        open_sender(Settings("mail", "pigeon"), tmp_path)


def test_polars_reads_what_is_written(tmp_path: Path) -> None:
    for file_format in FORMATS:
        FilesSender(LocalFolder(tmp_path), file_format).send(batch(batch_id=f"b-{file_format}"))
    assert pl.read_ndjson(tmp_path / "b-jsonl.jsonl")["message_id"].to_list() == ["m0", "m1", "m2", "m3"]
    assert pl.read_csv(tmp_path / "b-csv.csv")["message_id"].to_list() == ["m0", "m1", "m2", "m3"]
    assert pl.read_parquet(tmp_path / "b-parquet.parquet")["message_id"].to_list() == ["m0", "m1", "m2", "m3"]


def test_the_longest_id_that_a_series_can_make_is_a_file_name(tmp_path: Path) -> None:
    longest = f"_{'s' * 62}.{'b' * 63}.20260301T090000Z.0000000001"
    FilesSender(LocalFolder(tmp_path)).send(batch(batch_id=longest))
    assert sorted(files(tmp_path)) == [f"{longest}.jsonl", f"{longest}.manifest.json"]
