"""``case``: its conditions are two-valued, an absent ``else`` is unknown."""

from __future__ import annotations

from sqlglot import exp

from pipelines.rules.dialect import guarded
from pipelines.rules.reader import Reader
from pipelines.rules.values import Value, alike, may_not_meet


def chosen(reader: Reader, node: exp.Expression) -> Value | None:
    """``case when … then … end`` and ``case value when … then … end``."""
    branches: list[exp.Expression] = node.args["ifs"]
    subject, default = node.args.get("this"), node.args.get("default")
    results = reader.values([*(branch.args["true"] for branch in branches), *([default] if default else [])])
    tests = _compared(reader, subject, branches) if subject else _conditions(reader, branches)
    if results is None or tests is None:
        return None
    family, typed = alike(results)
    whens = [test.sql for test in (tests[1:] if subject else tests)]
    sql = exp.Case(
        this=tests[0].sql if subject else None,
        ifs=[exp.If(this=when, true=result.sql) for when, result in zip(whens, typed, strict=False)],
        default=typed[-1].sql if default else None,
    )
    if may_not_meet(typed) or (subject and may_not_meet(tests)):
        return reader.made(node, guarded(sql), family)
    return reader.made(node, sql, family, certain=default is not None and all(value.certain for value in typed))


def _conditions(reader: Reader, branches: list[exp.Expression]) -> list[Value] | None:
    found = [(branch, reader.condition(branch.this)) for branch in branches]
    tests = [reader.made(branch, sql, "boolean", certain=True) for branch, sql in found if sql is not None]
    return tests if len(tests) == len(branches) else None


def _compared(reader: Reader, subject: exp.Expression, branches: list[exp.Expression]) -> list[Value] | None:
    """The subject and what it is compared with."""
    found = reader.values([subject, *(branch.this for branch in branches)])
    if found is None:
        return None
    if any(value.is_null for value in found):
        raise reader.wrong(subject, "`case` cannot compare with null; write `case when … is null then …`")
    return alike(found)[1]
