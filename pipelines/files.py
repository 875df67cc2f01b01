"""Files of a project as text."""

from __future__ import annotations

from pathlib import Path

from pipelines.document import MAX_CHARACTERS
from pipelines.problems import Position, Problem


def read_text(path: Path, file: str) -> tuple[str | None, list[Problem]]:
    """A file's text; None when it is absent, cannot be opened or is not UTF-8, the last two with a problem."""
    try:
        # No text of MAX_CHARACTERS needs more bytes; one more character is enough for its reader to refuse it.
        with path.open("rb") as stream:
            content = stream.read(4 * MAX_CHARACTERS + 4)
        return content.decode("utf-8"), []
    except FileNotFoundError:
        return None, []
    except OSError as error:
        return None, [Problem(Position(file, 1, 1), f"the file cannot be read: {error.strerror}")]
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        position = Position(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        return None, [Problem(position, "the text is not UTF-8 from here on; save the file as UTF-8")]
