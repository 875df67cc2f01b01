"""The `kafka` sender: each message a record that has its id, so that whoever gets it twice can tell."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.model import Sender as Settings
from pipelines.secret import Secret
from pipelines.senders.extra import need
from pipelines.senders.file_format import write_jsonl
from pipelines.senders.protocol import Batch, Outcome, Promise, SenderError, UnansweredError
from pipelines.senders.sender_type import SenderType
from warehouse.tables import TAG_CHANNEL

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message, Producer

    Report = Callable[[KafkaError | None, Message], None]

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
"""How long to wait for the first broker, and for the reports on the records of a batch."""

_FOR_GOOD = ("MSG_SIZE_TOO_LARGE", "INVALID_MSG", "INVALID_RECORD")
_NEVER_LEFT = frozenset({"_PURGE_QUEUE", "_QUEUE_FULL", "_UNKNOWN_TOPIC", "TOPIC_AUTHORIZATION_FAILED"})
_NO_REPORT = "_NO_REPORT"
"""Names of librdkafka's errors, and one for what it said nothing of; its own begin with ``_``."""

_MECHANISMS = ("plain", "scram-sha-256", "scram-sha-512")
_LOG = logging.getLogger(__name__)
# The library's own words would go to standard error, and quote hosts and settings.
_LOG.addHandler(logging.NullHandler())
_LOG.propagate = False


@dataclass(slots=True)
class KafkaSender:
    """Adds a record per message to a topic: the key is ``message_id``, the value the message as JSON.

    Records of tag writes have the ``customer_id`` as their key: Kafka keeps the order of one key, and what is said of
    one customer must arrive in it. Headers of every record are ``message_id``, and ``batch_id`` for what it came with.
    The producer is idempotent and waits for all replicas in sync; each record's delivery report says what became of its
    message. A repeat after a kill has the same keys.

    Attributes:
        config: What librdkafka is told, by its names.
    """

    topic: str
    config: Mapping[str, str | Secret]
    _producer: Producer | None = field(default=None, repr=False, compare=False)
    _failures: list[str] = field(default_factory=list, repr=False, compare=False)

    @property
    def promise(self) -> Promise:
        """At least once, each message under one key."""
        return "at_least_once"

    def has(self, batch_id: str) -> bool:  # noqa: ARG002 (see the protocol)
        """Whether an earlier offer may have left records: always."""
        return True

    def send(self, batch: Batch) -> Outcome:
        """Produce the records of the batch and wait for their reports.

        Raises:
            SenderError: No broker can be reached, or none of the records left.
            UnansweredError: None was reported as taken, and some may have been.
        """
        producer = self._open()
        reports: dict[str, str | None] = {}
        ids, keys = (batch.messages[name].to_pylist() for name in ("message_id", _key(batch)))
        for message_id, key, value in zip(ids, keys, _values(batch), strict=True):
            reports[message_id] = _NO_REPORT
            headers = [("batch_id", batch.batch_id), ("message_id", message_id)]
            record = {"key": str(key), "value": value, "headers": headers}
            failure = _produce(producer, self.topic, record, partial(_note, reports, message_id))
            if failure:
                reports[message_id] = failure
        self._wait(producer)
        return self._outcome(reports)

    def close(self) -> None:
        """Let go of connections."""
        self._producer = None

    def _open(self) -> Producer:
        """The producer, once a broker has answered it."""
        from confluent_kafka import KafkaException, Producer

        if self._producer:
            return self._producer
        config: dict[str, Any] = {
            key: each.read() if isinstance(each, Secret) else each for key, each in self.config.items()
        }
        config |= {"enable.idempotence": True, "acks": "all", "error_cb": self._note_failure, "logger": _LOG}
        config |= {"client.id": "warehouse-series", "delivery.timeout.ms": int(ANSWER_SECONDS * 2000)}
        self._failures.clear()
        try:
            producer = Producer(config)
        except KafkaException as error:
            raise SenderError(f"{self._where()} cannot be opened: {error.args[0].name()}.") from error
        try:
            producer.list_topics(self.topic, timeout=CONNECT_SECONDS)
        except KafkaException as error:
            producer.poll(0)
            told = self._failures[0] if self._failures else error.args[0].name()
            raise SenderError(f"{self._where()} cannot be reached: {told.removeprefix('_')}.") from error
        self._producer = producer
        return producer

    def _wait(self, producer: Producer) -> None:
        """Until every record has its report; those that have none in time are given up."""
        if producer.flush(ANSWER_SECONDS):
            producer.purge()
            producer.flush(CONNECT_SECONDS)
            self._producer = None

    def _outcome(self, reports: Mapping[str, str | None]) -> Outcome:
        failed = {message_id: name for message_id, name in reports.items() if name}
        refused = {message_id: name for message_id, name in failed.items() if name in _FOR_GOOD}
        others = {message_id: name.removeprefix("_") for message_id, name in failed.items() if name not in _FOR_GOOD}
        if len(others) < len(reports):
            # What may have been taken may go again: its key stays the same.
            return Outcome(refused, others)
        self._producer = None
        (name, _), *_ = Counter(others.values()).most_common(1)
        if _NEVER_LEFT.issuperset(failed.values()):
            raise SenderError(f"{self._where()} took nothing: {name}.")
        raise UnansweredError(f"{self._where()} did not answer: {name}.")

    def _note_failure(self, error: KafkaError) -> None:
        self._failures.append(error.name())

    def _where(self) -> str:
        return f"Kafka's topic {self.topic}"


def _key(batch: Batch) -> str:
    """The column whose values keep their order."""
    return "customer_id" if batch.channel == TAG_CHANNEL else "message_id"


def _values(batch: Batch) -> list[bytes]:
    """Each message as a line of JSON, without its end."""
    lines = BytesIO()
    write_jsonl(batch.messages, lines)
    return lines.getvalue().removesuffix(b"\n").split(b"\n")


def _produce(producer: Producer, topic: str, record: Mapping[str, Any], report: Report) -> str | None:
    """Why a record could not even be queued; None: it was."""
    from confluent_kafka import KafkaException

    try:
        try:
            producer.produce(topic, **record, on_delivery=report)
        except BufferError:
            producer.flush(ANSWER_SECONDS)
            producer.produce(topic, **record, on_delivery=report)
    except BufferError:
        return "_QUEUE_FULL"
    except KafkaException as error:
        return str(error.args[0].name())
    return None


def _note(reports: dict[str, str | None], message_id: str, error: KafkaError | None, _: Message) -> None:
    reports[message_id] = error.name() if error else None


def _open(settings: Settings, folder: Path) -> KafkaSender:  # noqa: ARG001 (it writes no files)
    said: dict[str, str | Secret] = {**settings.options, **settings.secrets}
    what, tls = f"Sender `{settings.name}`", said["tls"] == "tls"
    if ("username" in said) != ("password" in said):
        raise SenderError(f"{what} needs both `username` and `password` to log in, or neither.")
    if ("certificate" in said) != ("key" in said):
        raise SenderError(f"{what} needs both `certificate` and `key` to show who it is, or neither.")
    if not tls and said.keys() & {"password", "key", "ca"}:
        raise SenderError(f"{what} would say for everybody to hear who it is and what it sends; leave out `tls: none`.")
    need("confluent_kafka", "kafka", f"{what} writes to Kafka, which")
    config = {name: said[key] for key, name in _NAMES.items() if key in said}
    protocol = ("sasl_" if "username" in said else "") + ("ssl" if tls else "plaintext")
    config["security.protocol"] = protocol
    if "username" in said:
        config["sasl.mechanism"] = settings.options["mechanism"].upper()
    return KafkaSender(settings.options["topic"], config)


_NAMES = {
    "servers": "bootstrap.servers",
    "username": "sasl.username",
    "password": "sasl.password",
    "ca": "ssl.ca.pem",
    "certificate": "ssl.certificate.pem",
    "key": "ssl.key.pem",
}
"""What librdkafka calls the options that it is told as they are."""

KAFKA = SenderType(
    summary="adds each message to a topic of Kafka",
    open=_open,
    options={
        "servers": "Some of the brokers, `host:port` with commas between them, or `{env: NAME}`.",
        "topic": "The topic.",
        "tls": "`tls` or `none`.",
        "mechanism": "How it logs in: `plain`, `scram-sha-256` or `scram-sha-512`.",
        "username": "Who logs in, or `{env: NAME}`; nobody when absent.",
        "password": "The password, `{env: NAME}`.",
        "ca": "The authorities to trust, `{env: NAME}` of PEM text; the system's when absent.",
        "certificate": "The certificate to show, `{env: NAME}` of PEM text.",
        "key": "Its key, `{env: NAME}` of PEM text.",
    },
    choices={"tls": ("tls", "none"), "mechanism": _MECHANISMS},
    defaults={"tls": "tls", "mechanism": "plain"},
    required=frozenset({"servers", "topic"}),
    secrets=frozenset({"password", "ca", "certificate", "key"}),
    maybe_secrets=frozenset({"servers", "username"}),
    carries_tags=True,
)
"""The type `kafka`."""
