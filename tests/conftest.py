"""What holds for all tests."""

import os
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

LONG = "tests/test_worlds.py"
"""The file whose tests take a minute each: they are begun first, and workers share them."""

# Many tests start Python, and compiling every module anew is most of what a command does. Where the machine says that
# nothing compiled is kept, as images of containers do, the tests' own processes keep it all the same.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, or one worker would end minutes after the others."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Gives a worker a whole file, whose tests share what it makes; of the longest, one test."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(LONG) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """How tests are given to workers, whatever `--dist` says."""
    return ByFile(config, log)


@pytest.fixture(autouse=True)
def no_secret_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test starts as a process does: another test's secret would hide words of this one's errors."""
    monkeypatch.setattr("pipelines.redact._secrets", set())


@pytest.fixture(scope="session")
def finished_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop after its three runs, for tests that only read it: whoever changes something takes a copy."""
    from tests import shop

    return shop.run_all(tmp_path_factory.mktemp("finished") / "shop")
