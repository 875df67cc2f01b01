"""Files with the texts of messages: part of the series' version, and never from outside of the project."""

from __future__ import annotations

from pathlib import Path

from pipelines.check import SourceColumns, check
from pipelines.compile.compile import Version
from pipelines.definitions.load import load_definitions
from pipelines.run import versions

SERIES = """series: letters
status: live
schedule: nightly
blocks:
  free: {rule: plan = 'Free', then: mail}
  mail: {content: email, subject: Hi, body_file: templates/mail.md}
"""


def make(folder: Path, body: str) -> Path:
    templates = folder / "series_definitions" / "templates"
    templates.mkdir(parents=True, exist_ok=True)
    (folder / "series_definitions" / "letters.yml").write_text(SERIES)
    (templates / "mail.md").write_bytes(body.encode())
    return templates


def version(folder: Path) -> Version:
    definitions, problems = load_definitions(folder)
    assert problems == []
    checked, _ = check(definitions, SourceColumns())
    return versions(definitions, checked)["letters"]


def test_a_changed_file_is_a_new_version(tmp_path: Path) -> None:
    make(tmp_path, "Hello\r\n{{ name }}\n")
    before = version(tmp_path)
    assert version(tmp_path) == before
    assert before.text.endswith("# templates/mail.md at that time:\n#   Hello\n#   {{ name }}\n#   \n")
    make(tmp_path, "Hello {{ name }}\n")
    assert version(tmp_path).definition_hash != before.definition_hash


def test_a_link_leads_nowhere_outside(tmp_path: Path) -> None:
    templates = make(tmp_path / "project", "Hello")
    (tmp_path / "secret.md").write_text("password")
    (templates / "mail.md").unlink()
    (templates / "mail.md").symlink_to(tmp_path / "secret.md")
    definitions, problems = load_definitions(tmp_path / "project")
    assert [problem.message for problem in problems] == [
        "`templates/mail.md` leads out of `series_definitions/`; put the file there, and name it by its path from there"
    ]
    assert "password" not in repr(definitions)
    (templates / "mail.md").unlink()
    (templates / "other.md").write_text("Hello")
    (templates / "mail.md").symlink_to(templates / "other.md")
    assert "#   Hello" in version(tmp_path / "project").text


def test_only_files_are_read(tmp_path: Path) -> None:
    templates = make(tmp_path, "Hello")
    (templates / "mail.md").unlink()
    (templates / "mail.md").mkdir()
    assert [problem.message for problem in load_definitions(tmp_path)[1]] == [
        "there is no file `templates/mail.md` in `series_definitions/`"
    ]
    (templates / "mail.md").rmdir()
    (templates / "mail.md").write_bytes(b"Hello\n\xff")
    [problem] = load_definitions(tmp_path)[1]
    assert str(problem.position) == "series_definitions/templates/mail.md:2:1"
