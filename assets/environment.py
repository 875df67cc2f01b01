"""What the environment says: where the project is, what is switched on, and who is told when something fails.

Addresses and passwords are read when they are used; none of them is part of a definition, an event or an error.
"""

import os

from dagster import DefaultScheduleStatus, DefaultSensorStatus

PROJECT_DIR = "SERIES_PROJECT_DIR"
"""Folder of the project; the current one when not set."""

SCHEDULES = "SERIES_SCHEDULES"
"""`on` starts the schedules and the hand-off's retry without a click; a click in the web interface outweighs it."""

ASSET_PREFIX = "SERIES_ASSET_PREFIX"
"""Stands before the keys of what series make, its parts joined by `/`, where others have the same keys."""

FILE_URL = "SERIES_FILE_URL"
"""Address that a definition's path is appended to, such as that of the repository's folder on its host."""

WEB_URL = "SERIES_DAGSTER_URL"
"""Address of Dagster's web interface, for the links in alerts."""

ALERT_WEBHOOK = "SERIES_ALERT_WEBHOOK"
"""Address that alerts are posted to as JSON, with their text under `text`."""

ALERT_EMAIL = "SERIES_ALERT_EMAIL"
"""Addresses that alerts are mailed to, with commas between them."""

ALERT_FROM = "SERIES_ALERT_FROM"
"""The sender's address of these mails; the first of SERIES_ALERT_EMAIL when not set."""

SMTP_URL = "SERIES_SMTP_URL"
"""The mail server: `smtp://name:password@host:587` or `smtps://...:465`; `smtp://localhost:25` when not set."""

PING_URL = "SERIES_PING_URL"
"""Address that is asked when a run has handed off, at a monitor that sounds the alarm when it is not."""


def read(name: str) -> str | None:
    """A variable; None where it is not set or blank."""
    return os.environ.get(name, "").strip() or None


def project_dir() -> str:
    """The folder of the project."""
    return read(PROJECT_DIR) or "."


def is_on() -> bool:
    """Whether schedules begin switched on."""
    return (read(SCHEDULES) or "").lower() in ("on", "1", "true", "yes", "running")


def schedule_status() -> DefaultScheduleStatus:
    """How schedules begin."""
    return DefaultScheduleStatus.RUNNING if is_on() else DefaultScheduleStatus.STOPPED


def sensor_status(*, on: bool) -> DefaultSensorStatus:
    """How a sensor begins."""
    return DefaultSensorStatus.RUNNING if on else DefaultSensorStatus.STOPPED
