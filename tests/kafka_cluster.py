"""A cluster of Kafka on loopback: the one that librdkafka has for tests, listening on a port of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, Message, Producer, TopicPartition

_SILENT: dict[str, Any] = {"log_level": 0, "logger": logging.getLogger("tests.kafka")}


@dataclass(frozen=True)
class Cluster:
    """Where it is."""

    servers: str

    def records(self, topic: str) -> list[Message]:
        """All of a topic, by key and offset; it is not there where nobody has written to it."""
        wanted = {"group.id": "tests", "enable.partition.eof": True, "fetch.wait.max.ms": 10}
        consumer = Consumer({"bootstrap.servers": self.servers} | wanted | _SILENT)
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        found: list[Message] = []
        ended: set[int | None] = set()
        while len(ended) < len(partitions):
            message = consumer.poll(10)
            assert message is not None
            if message.error():
                ended.add(message.partition())
            else:
                found.append(message)
        consumer.close()
        return sorted(found, key=lambda each: (each.key() or b"", each.offset() or 0))


@contextmanager
def cluster(**config: Any) -> Iterator[Cluster]:
    """One broker, as long as the block goes on."""
    host = Producer({"bootstrap.servers": "unused", "test.mock.num.brokers": 1} | config | _SILENT)
    (broker,) = host.list_topics(timeout=10).brokers.values()
    yield Cluster(f"{broker.host}:{broker.port}")
    host.flush(0)
