"""Connections that know two things more: that a failed handshake sent nothing, and when an answer takes too long."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError

if TYPE_CHECKING:
    from urllib3.response import HTTPResponse


class HandshakeError(NewConnectionError):
    """There is no TLS with the other side, so it heard nothing; ``code`` says why."""

    def __init__(self, connection: HTTPConnection, code: str) -> None:
        super().__init__(connection, code)
        self.code = code


class _Watch:
    """Ends a connection when the answer is not there in time; the time-outs of sockets begin anew with each byte."""

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._connection = connection
        self._is_late = threading.Event()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> bool:
        """Look no longer; whether it was too late."""
        self._timer.cancel()
        return self._is_late.is_set()

    def _end(self) -> None:
        self._is_late.set()
        with contextlib.suppress(OSError):
            # Not what a TLS socket has by that name: that is not for two threads.
            socket.socket.shutdown(self._connection, socket.SHUT_RDWR)


class _Watching(threading.local):
    """The watch over the answer that this thread waits for."""

    watch: _Watch | None = None


_watching = _Watching()


@contextlib.contextmanager
def whole_answer() -> Iterator[None]:
    """Within it an answer is waited for and read; the time for the whole of it is that of the request's time-out.

    Raises:
        TimeoutError: It took longer, however steadily it dripped in.
    """
    try:
        yield
    finally:
        watch, _watching.watch = _watching.watch, None
        if watch and watch.stop():
            raise TimeoutError


class _Watched(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        if self.sock is not None and self.timeout is not None:
            # urllib3 has put the time for the answer there before it calls this.
            _watching.watch = _Watch(self.sock, self.timeout)
        return super().getresponse()


class _WatchedTLS(_Watched, HTTPSConnection):
    def connect(self) -> None:
        try:
            super().connect()
        except ssl.SSLCertVerificationError:
            raise
        except OSError as error:
            raise HandshakeError(self, getattr(error, "reason", None) or type(error).__name__) from error


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Watched


class _PoolTLS(urllib3.HTTPSConnectionPool):
    ConnectionCls = _WatchedTLS


def make_pool() -> urllib3.PoolManager:
    """Connections by host, kept for the next request.

    Nothing is sent again here: what may be repeated is the hand-off's to say. Nor elsewhere, by a redirect.
    """
    pool = urllib3.PoolManager(retries=False, maxsize=4)
    pool.pool_classes_by_scheme = {"http": _Pool, "https": _PoolTLS}
    return pool
