"""Which database a DSN of Postgres leads to, told apart without being told."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from urllib.parse import unquote

_URI = re.compile(
    r"postgres(?:ql)?://(?:(?P<user>[^@/]*)@)?(?P<hosts>[^/?]*)(?:/(?P<dbname>[^?]*))?(?:\?(?P<more>.*))?"
)
"""Taken apart as libpq does: a general reader of URLs would end a password at ``#`` and take its half for a host."""

_SETTING = re.compile(r"(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s\\]|\\.)*))")
_PLACE = {"host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "dbname": "PGDATABASE", "service": "PGSERVICE"}
"""What says where a database is, with the environment variable that libpq asks where the DSN is silent."""


def digest_of_place(dsn: str) -> str:
    """The same for every DSN that names the same hosts, ports and database, whoever connects with what password.

    >>> digest_of_place("postgresql://ada:old@db/crm") == digest_of_place("host=db dbname=crm user=ada password=new")
    True
    >>> digest_of_place("postgresql://db/crm") == digest_of_place("postgresql://db/crm_test")
    False
    """
    said = _read(dsn.strip())
    # Without a database the user's name is its name.
    said.setdefault("dbname", os.environ.get("PGDATABASE") or said.get("user", ""))
    place = [said.get(key) or os.environ.get(variable, "") for key, variable in _PLACE.items()]
    return hashlib.sha256("\n".join(place).encode()).hexdigest()[:16]


def _read(dsn: str) -> dict[str, str]:
    """The settings of a DSN in either of its two forms; of one that libpq would refuse, whatever can be made out."""
    uri = _URI.fullmatch(dsn)
    if uri is None:
        return {key: re.sub(r"\\(.)", r"\1", quoted or plain) for key, quoted, plain in _SETTING.findall(dsn)}
    hosts = [host.rpartition(":") if re.search(r":\d*$", host) else (host, "", "") for host in uri["hosts"].split(",")]
    said: Mapping[str, str | None] = {
        "user": (uri["user"] or "").partition(":")[0],
        "host": ",".join(host for host, _, _ in hosts),
        "port": ",".join(port for _, _, port in hosts),
        "dbname": uri["dbname"],
    }
    more = dict(each.partition("=")[::2] for each in (uri["more"] or "").split("&"))
    return {key: unquote(value) for key, value in {**said, **more}.items() if value}
