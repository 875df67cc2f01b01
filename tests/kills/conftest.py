"""What the tests of killed work share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kills.killer import Killer


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    killer = Killer()
    yield killer
    killer.close()
