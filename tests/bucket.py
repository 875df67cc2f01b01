"""A store on loopback that speaks S3's protocol, conditional writes included."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from moto.server import ThreadedMotoServer
from obstore.store import S3Store

KEY = "AKIATESTSTESTSTESTS1"
SECRET_VARIABLE = "STORE_SECRET"  # noqa: S105 (a name)


@dataclass(frozen=True)
class BucketServer:
    """Where it is; anybody may come in, as nobody's signature is looked at."""

    url: str

    def make(self, name: str) -> S3Store:
        """A new bucket."""
        import urllib3

        urllib3.request("PUT", f"{self.url}/{name}")
        return S3Store(
            name,
            endpoint=self.url,
            region="us-east-1",
            access_key_id=KEY,
            secret_access_key="of the test",  # noqa: S106 (the test's own)
            client_options={"allow_http": True},
        )

    def sender(self, path: str) -> str:
        """An entry of ``senders``."""
        return (
            f"{{type: files, path: '{path}', endpoint: '{self.url}', region: us-east-1, access_key_id: {KEY}, "
            f"secret_access_key: {{env: {SECRET_VARIABLE}}}}}"
        )


def objects(store: S3Store, prefix: str | None = None) -> dict[str, bytes]:
    """Everything in a bucket, or below a prefix."""
    names = [found["path"] for batch in store.list(prefix) for found in batch]
    return {name: bytes(store.get(name).bytes()) for name in sorted(names)}


@contextmanager
def bucket_server() -> Iterator[BucketServer]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield BucketServer(f"http://{host}:{port}")
    finally:
        server.stop()
