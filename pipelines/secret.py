"""Secrets: named in files, read from the environment, shown nowhere.

A project file holds ``{env: NAME}`` and never the value. Whoever needs the value calls ``Secret.read`` at the last
moment and keeps it in no attribute.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from pipelines.problems import UsageError
from pipelines.redact import hide

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
"""What the name of an environment variable looks like."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that only the environment knows; ``name`` is the variable's. It shows and compares as its name.

    >>> str(Secret("SMTP_PASSWORD"))
    '{env: SMTP_PASSWORD}'
    """

    name: str

    def __str__(self) -> str:
        return f"{{env: {self.name}}}"

    def read(self) -> str:
        """The value, as the environment has it now; error texts never show it from here on.

        Raises:
            UsageError: The variable is not set, or empty.
        """
        value = os.environ.get(self.name, "")
        if not value.strip():
            state = "is empty" if self.name in os.environ else "is not set"
            raise UsageError(f"The environment variable {self.name} {state}. Set it to its secret.")
        hide(value)
        return value
