"""Questions on a terminal about tables and columns, each with the proposal as its answer."""

from __future__ import annotations

from collections.abc import Mapping

import click

from pipelines.hint import did_you_mean
from pipelines.init.candidate import Candidate
from pipelines.init.choice import NONE
from pipelines.init.proposal import Proposal
from pipelines.output import printable
from pipelines.sources import REQUIRED


class Prompts:
    """Asks on standard error, so that standard output holds the result alone (see `pipelines.init.choice.Asker`)."""

    def table(self, source: str, proposal: Proposal, candidates: Mapping[str, Candidate]) -> str:
        best = proposal.best
        default = NONE if best is None else best.candidate.title
        if proposal.rivals:
            others = ", ".join(each.candidate.title for each in proposal.rivals)
            _say(f"`{source}` could also be {others}.")
        if best is None and source == "customers":
            titles = {candidate.title for candidate in candidates.values()}
            _say(f"No table looks like customers. There are: {', '.join(sorted(titles))}.")
            return self._ask("Table of customers", None, [*candidates])
        return self._ask(f"Table of {source}", default, [*candidates, NONE])

    def column(self, source: str, name: str, proposed: str | None, candidate: Candidate) -> str | None:
        columns = [column for column, _ in candidate.columns]
        is_needed = name in REQUIRED[source]
        default = proposed if proposed is not None or is_needed else NONE
        if default is None:
            _say(f"Columns of {candidate.title}: {', '.join(columns)}.")
        answer = self._ask(f"  {source}.{name} is column", default, columns if is_needed else [*columns, NONE])
        return answer if answer in columns else None

    def _ask(self, question: str, default: str | None, valid: list[str]) -> str:
        while True:
            answer: str = click.prompt(question, default=default, err=True)
            if answer in valid:
                return answer
            _say(f"There is no `{answer}`{did_you_mean(answer, valid)}.")


def _say(text: str) -> None:
    click.echo(printable(text), err=True)
