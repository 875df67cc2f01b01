"""Files in a bucket are those of a local folder, against a server that speaks S3's protocol."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from io import BytesIO
from itertools import count
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from obstore.store import S3Store

from pipelines.definitions.targets import choose, read_targets
from pipelines.hand_off.hand_off import hand_off
from pipelines.hand_off.offer import HandedBatch
from pipelines.problems import UsageError
from pipelines.secret import Secret
from pipelines.senders import Outcome, SenderError
from pipelines.senders.bucket import Bucket
from pipelines.senders.files import FilesSender
from pipelines.senders.folder import LocalFolder
from pipelines.senders.unsent import unsent_folder
from tests.bucket import KEY, SECRET_VARIABLE, BucketServer, bucket_server, objects
from tests.test_files_sender import FORMATS, batch, files, table
from tests.test_hand_off import AS_OF, definitions, make, opened

NUMBERS = count()


@pytest.fixture(scope="module")
def server() -> Iterator[BucketServer]:
    with bucket_server() as server:
        yield server


@pytest.fixture
def name() -> str:
    return f"bucket-{next(NUMBERS)}"


@pytest.fixture
def store(server: BucketServer, name: str, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """A new bucket, and the key to it."""
    monkeypatch.setenv(SECRET_VARIABLE, "Xq7-of+the/store")
    return server.make(name)


def bucket(server: BucketServer, name: str, **config: str) -> Bucket:
    known: dict[str, str | Secret] = {"endpoint": server.url, "region": "us-east-1", "access_key_id": KEY, **config}
    return Bucket(f"s3://{name}/out/box", known | {"secret_access_key": Secret(SECRET_VARIABLE)})


@pytest.mark.parametrize("file_format", FORMATS)
def test_names_and_bytes_are_those_of_a_local_folder(
    server: BucketServer, store: S3Store, name: str, tmp_path: Path, file_format: str
) -> None:
    there = FilesSender(bucket(server, name), file_format)
    assert not there.has(batch().batch_id)
    assert there.send(batch()) == FilesSender(LocalFolder(tmp_path), file_format).send(batch()) == Outcome()
    assert there.has(batch().batch_id)
    assert objects(store) == {f"out/box/{each}": content for each, content in files(tmp_path).items()}


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_repeat_changes_nothing_and_other_content_is_refused(
    server: BucketServer, store: S3Store, name: str, file_format: str
) -> None:
    sender = FilesSender(bucket(server, name), file_format)
    sender.send(batch())
    before = objects(store)
    assert sender.send(batch()) == Outcome()
    # Another format in the settings meanwhile.
    assert FilesSender(bucket(server, name), "csv").send(batch()) == Outcome()
    told = rf"^s3://{name}/out/box/.*\.{file_format} is there with another content, and is not overwritten"
    with pytest.raises(SenderError, match=told):
        sender.send(batch(table().slice(1)))
    assert objects(store) == before


def test_what_a_killed_process_left_is_made_whole(server: BucketServer, store: S3Store, name: str) -> None:
    sender = FilesSender(bucket(server, name), "parquet")
    sender.send(batch())
    whole = objects(store)
    manifest = f"out/box/{batch().batch_id}.manifest.json"
    store.delete(manifest)
    sender.send(batch())
    assert objects(store) == whole


def test_parquet_of_another_version_of_the_library_is_the_same_content(
    server: BucketServer, store: S3Store, name: str
) -> None:
    sender, key = FilesSender(bucket(server, name), "parquet"), f"out/box/{batch().batch_id}.parquet"
    sender.send(batch())
    elsewhere = BytesIO()
    pq.write_table(pq.ParquetFile(BytesIO(objects(store)[key])).read(), elsewhere, compression="snappy")
    store.put(key, elsewhere.getvalue())
    store.delete(f"out/box/{batch().batch_id}.manifest.json")
    assert sender.send(batch()) == Outcome()
    assert objects(store)[key] == elsewhere.getvalue()


@pytest.mark.usefixtures("store")
def test_a_bucket_that_is_not_there_is_said(server: BucketServer) -> None:
    with pytest.raises(
        SenderError, match=r"^s3://no-such/out/box cannot be used: its server answered 404 Not Found\.$"
    ):
        FilesSender(bucket(server, "no-such")).send(batch())


@pytest.mark.usefixtures("store")
def test_a_store_that_is_not_there_is_said_and_may_have_the_batch(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    sender = FilesSender(bucket(BucketServer(f"http://127.0.0.1:{port}"), name))
    assert sender.has(batch().batch_id)
    with pytest.raises(SenderError, match=rf"^s3://{name}/out/box cannot be reached: GenericError\.$"):
        sender.send(batch())


def test_without_its_key_nobody_knows_what_is_there(
    server: BucketServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    sender = FilesSender(bucket(server, name))
    assert sender.has(batch().batch_id)
    with pytest.raises(UsageError, match=f"{SECRET_VARIABLE} is not set"):
        sender.send(batch())


@pytest.mark.parametrize("target", ["dev", "prod"])
def test_batches_reach_the_bucket_only_where_they_may_leave(
    server: BucketServer, store: S3Store, name: str, tmp_path: Path, target: str
) -> None:
    entry = server.sender(f"s3://{name}/mail")
    targets, _ = read_targets(f"senders: {{outbox: {entry}}}\ntargets: {{dev: , prod: {{sends: true}}}}")
    with opened(tmp_path) as warehouse:
        make(warehouse, ("b1", 2))
        known = replace(definitions(), settings=choose(targets, target))
        (only,) = hand_off(lambda: nullcontext(warehouse), known, tmp_path, AS_OF).batches
    unsent_to = "outbox/dev/unsent/outbox" if target == "dev" else None
    assert only == HandedBatch("b1", "handed_off", 2, unsent_to=unsent_to)
    there = ["mail/prod/b1.jsonl", "mail/prod/b1.manifest.json"]
    assert list(objects(store)) == (there if target == "prod" else [])


def settings(sender: str) -> list[str]:
    _, problems = read_targets(f"senders: {{store: {{type: files, {sender}}}}}")
    return [problem.message for problem in problems]


@pytest.mark.parametrize(
    ("sender", "told"),
    [
        ("path: 'gs://bucket/x'", "cannot write to `gs://bucket/x`"),
        ("path: 'S3://bucket/x'", "cannot write to `S3://bucket/x`"),
        ("path: 's3://Bucket/x'", "names no folder in a bucket"),
        ("path: 's3://bucket/../x'", "names no folder in a bucket"),
        ("path: 's3://bucket/a//b'", "names no folder in a bucket"),
        ("path: 's3://bucket', access_key_id: A", "needs both `access_key_id` and `secret_access_key`"),
        ("path: 's3://bucket', endpoint: minio", "must begin with https:// or http://"),
        ("path: outbox, region: eu-central-1", "`region` is for `s3://` only"),
    ],
)
def test_settings_that_cannot_be_are_refused(sender: str, told: str) -> None:
    (message,) = settings(sender)
    assert told in message


def test_without_the_extra_the_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    (message,) = settings("path: 's3://bucket/x'")
    assert message == (
        "Sender `store` writes to S3, which needs obstore, which is not installed: pip install 'warehouse-series[s3]'"
    )
    assert settings("path: outbox") == []


def test_targets_have_folders_of_their_own() -> None:
    targets, problems = read_targets(
        "senders: {store: {type: files, path: 's3://bucket/x/'}}\ntargets: {dev: , prod: }"
    )
    assert problems == []
    assert [each.senders["store"].options["path"] for each in targets.values()] == [
        "s3://bucket/x/dev",
        "s3://bucket/x/prod",
    ]
    own = "{senders: {store: {type: files, path: 's3://bucket/x/dev'}}}"
    _, (problem,) = read_targets(
        f"senders: {{store: {{type: files, path: 's3://bucket/x'}}}}\ntargets: {{dev: , prod: {own}}}"
    )
    assert "target `prod` would write to s3://bucket/x/dev, as target `dev` does" in problem.message


def test_a_bucket_is_outside() -> None:
    targets, _ = read_targets("senders: {there: {type: files, path: 's3://bucket'}, here: {type: files}}")
    chosen = choose(targets, None)
    assert [unsent_folder(chosen, chosen.senders[each]) for each in ("there", "here")] == ["outbox/unsent/there", None]
