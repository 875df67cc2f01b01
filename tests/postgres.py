"""A real Postgres server for tests, out of the distribution's packages; without them the tests fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

PASSWORD = "kept/from@every:body w0rd"  # noqa: S105 (of a server that lives as long as a test)
USER = "crm"


@dataclass(frozen=True)
class Server:
    """A server that listens on a socket in its folder."""

    folder: Path

    @property
    def dsn(self) -> str:
        return f"postgresql://{USER}:{quote(PASSWORD, safe='')}@/postgres?host={self.folder}"

    def execute(self, *statements: str) -> None:
        from adbc_driver_postgresql import dbapi

        with dbapi.connect(self.dsn) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            connection.commit()


def program(name: str) -> str:
    """The newest of the installed ones: Debian keeps them off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    if path := str(found[-1]) if found else shutil.which(name):
        return path
    raise RuntimeError(f"`{name}` is missing; install PostgreSQL (Debian: apt-get install postgresql)")


def run(command: Sequence[str]) -> None:
    """Postgres refuses to be root."""
    as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    subprocess.run([*as_user, *command], check=True, stdout=subprocess.DEVNULL, cwd="/")


@contextmanager
def server() -> Iterator[Server]:
    """A new server with a password."""
    # Not in pytest's folders: those are the user's alone. Short: a socket's path has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="series-pg-"))
    try:
        (folder / "password").write_text(PASSWORD)
        if os.getuid() == 0:
            for path in (folder, folder / "password"):
                shutil.chown(path, "postgres", "postgres")
        data = str(folder / "data")
        login = ["-A", "scram-sha-256", "-U", USER, "--pwfile", str(folder / "password")]
        run([program("initdb"), "-D", data, *login, "-E", "UTF8", "--locale=C", "--no-sync"])
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c timezone=Asia/Kolkata"
        run([program("pg_ctl"), "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start"])
        try:
            yield Server(folder)
        finally:
            run([program("pg_ctl"), "-D", data, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder)
