"""What holds for all tests."""

import os
from pathlib import Path

import pytest

# Many tests start Python, and compiling every module anew is most of what a command does. Where the machine says that
# nothing compiled is kept, as images of containers do, the tests' own processes keep it all the same.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(autouse=True)
def no_secret_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test starts as a process does: another test's secret would hide words of this one's errors."""
    monkeypatch.setattr("pipelines.redact._secrets", set())


@pytest.fixture(scope="session")
def finished_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop after its three runs, for tests that only read it: whoever changes something takes a copy."""
    from tests import shop

    return shop.run_all(tmp_path_factory.mktemp("finished") / "shop")
