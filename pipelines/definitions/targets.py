"""Targets: the places where the same series run, such as `dev` and `prod`, as ``series.yml`` declares them.

A target's keys are laid over the file's: a key of a target replaces the same key of the file, whole; of a section (a
mapping, such as ``senders``) it replaces the keys that it names and no others. What one target writes never stands
where another's does: a path that a target does not say itself gets the target's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from os.path import normpath
from pathlib import Path, PurePath

from pipelines.definitions.settings import PROJECT_FILE, read_settings, read_top
from pipelines.definitions.vocabulary import PROJECT, TARGET
from pipelines.document import Entry, Fields, Node
from pipelines.hint import did_you_mean
from pipelines.model import Sender, Settings
from pipelines.problems import Problem, UsageError, in_order
from pipelines.reader import Reader
from pipelines.senders.bucket import SCHEME
from pipelines.senders.files import in_bucket

DEFAULT_TARGET = "dev"

Targets = Mapping[str | None, Settings]
"""The settings by target; by None, and only that, for a file without ``targets``. Never empty."""


def read_targets(text: str | None, folder: Path = Path(), file: str = PROJECT_FILE) -> tuple[Targets, list[Problem]]:
    """Reads the project file; None is an absent one. All targets are checked, whichever is wanted.

    Args:
        text: The file's text.
        folder: What the paths in it start from.
        file: Its name, for positions.

    Returns:
        The settings by target, and every problem found; what only some targets are to blame for names them.
    """
    top, problems = read_top(text or "", file, "the project", PROJECT)
    declared = top.inner("targets", None, where="`targets`")
    if declared is None:
        settings = read_settings(top)
        return {None: settings}, in_order(problems)
    if not declared.node.entries:
        top.report(declared.position, "`targets` is empty; name a target or remove the key")
        return {None: read_settings(top)}, in_order(problems)
    if "sends" in top:
        top.report(
            top.key_position("sends"),
            "`sends` beside `targets` would be all of theirs; move it into the target that may send",
        )
    targets: dict[str | None, Settings] = {}
    found: dict[str, list[Problem]] = {}
    spelled: dict[str, str] = {}
    for name, entry in declared.node.entries.items():
        declared.identifier(entry.key, "target")
        if (first := spelled.setdefault(name.lower(), name)) != name:
            message = (
                f"targets `{first}` and `{name}` differ in case only; some file systems take their files for the same"
            )
            declared.report(entry.key.position, message)
        own = None if declared.is_null(name) else declared.inner(name, TARGET, where=f"target `{name}`")
        fields = own.node if own else Fields({}, declared.position)
        found[name] = []
        targets[name] = _apart(
            read_settings(Reader(_overlay(top.node, fields), "the project", None, found[name])), name, fields
        )
    problems += _told_by(found)
    problems += _shared(targets, folder, declared)
    return targets, in_order(problems)


def choose(targets: Targets, name: str | None, problems: Sequence[Problem] = ()) -> Settings:
    """The settings of one target.

    Args:
        targets: What the file declares.
        name: The target that is asked for; None is ``dev`` or, without ``targets``, the file itself.
        problems: What is wrong with the file. With a file that is refused anyway, it does not matter which is chosen.

    Raises:
        UsageError: There is no such target.
    """
    wanted = name if name is not None or None in targets else DEFAULT_TARGET
    if wanted in targets:
        return targets[wanted]
    if any(problem.severity == "error" for problem in problems):
        return next(iter(targets.values()))
    names = [target for target in targets if target is not None]
    listed = ", ".join(f"`{target}`" for target in names)
    if not names:
        raise UsageError(
            f"{PROJECT_FILE} has no `targets`, so there is no target `{name}`. "
            "Leave out --target and SERIES_TARGET, or declare the target."
        )
    if name is None:
        raise UsageError(
            f"{PROJECT_FILE} has no target `{DEFAULT_TARGET}`, which is the default. "
            f"Choose one with --target or SERIES_TARGET: {listed}."
        )
    raise UsageError(f"There is no target `{name}`{did_you_mean(name, names) or f'; there are: {listed}.'}")


def _overlay(base: Fields, target: Fields) -> Fields:
    """The file as it would stand if it were written for one target."""
    entries = {key: entry for key, entry in base.entries.items() if key in TARGET and key != "sends"}
    for key, entry in target.entries.items():
        below = entries[key].value if key in entries else None
        if isinstance(below, Fields) and isinstance(entry.value, Fields):
            both = Fields({**below.entries, **entry.value.entries}, entry.value.position)
            entries[key] = Entry(entry.key, both)
        else:
            entries[key] = entry
    return Fields(entries, base.position)


def _apart(settings: Settings, target: str, said: Fields) -> Settings:
    """The settings with the target's name in every path that the target does not say itself."""
    path = settings.warehouse_path
    is_own = _says(said, "warehouse", "path")
    return replace(
        settings,
        target=target,
        warehouse_path=path if is_own else _with_suffix(path, target),
        former_warehouse_path=None if is_own else path,
        senders={
            name: sender if _says(said, "senders", name, "path") else _in_folder(sender, target)
            for name, sender in settings.senders.items()
        },
    )


def _says(node: Node, *keys: str) -> bool:
    for key in keys:
        if not isinstance(node, Fields) or key not in node.entries:
            return False
        node = node.entries[key].value
    return True


def _with_suffix(path: str, target: str) -> str:
    """``warehouse/warehouse.duckdb`` is ``warehouse/warehouse_dev.duckdb`` for `dev`."""
    whole = PurePath(path)
    return str(whole.parent / f"{whole.stem}_{target}{whole.suffix}")


def _in_folder(sender: Sender, target: str) -> Sender:
    """``outbox`` is ``outbox/dev`` for `dev`."""
    if sender.type != "files":
        return sender
    path = sender.options["path"]
    below = f"{path.rstrip('/')}/{target}" if in_bucket(sender) else str(PurePath(path) / target)
    return replace(sender, options={**sender.options, "path": below})


def _told_by(found: Mapping[str, Sequence[Problem]]) -> Iterator[Problem]:
    """The problems of all targets, each once; what not all of them have says whose it is."""
    for problem in dict.fromkeys(problem for problems in found.values() for problem in problems):
        names = [name for name, problems in found.items() if problem in problems]
        yield problem if len(names) == len(found) else of_targets(problem, names)


def of_targets(problem: Problem, names: Iterable[str]) -> Problem:
    """The problem, saying which targets have it."""
    listed = [f"`{name}`" for name in names]
    return replace(problem, message=f"{problem.message} (target{'s' * (len(listed) > 1)} {', '.join(listed)})")


def _shared(targets: Targets, folder: Path, declared: Reader) -> Iterator[Problem]:
    """Files and folders that two targets would both write to."""
    taken: dict[str, str] = {}
    for target, settings in targets.items():
        assert target is not None
        written = {settings.warehouse_path: "`warehouse.path`"} | {
            sender.options["path"]: f"`path` of sender `{sender.name}`"
            for sender in settings.senders.values()
            if sender.type == "files"
        }
        for path, key in written.items():
            # A bucket's path is absolute as it is, and is no path of this machine.
            first = taken.setdefault(path.rstrip("/") if path.startswith(SCHEME) else normpath(folder / path), target)
            if first != target:
                message = f"target `{target}` would write to {path}, as target `{first}` does; give it its own {key}"
                yield Problem(declared.key_position(target), message)
