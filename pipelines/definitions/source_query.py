"""The ``sql`` of a source: one SELECT that reads tables, writes nothing and reaches nothing else.

This is the first wall; the second is that DuckDB is locked down before such a query is ever bound.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import sqlglot
from sqlglot import exp

_FIRST_WORDS = ("SELECT", "WITH", "FROM", "L_PAREN", "VALUES", "TABLE", "PIVOT", "UNPIVOT")
_TABLE_FUNCTIONS = ("unnest", "range", "generate_series", "json_each", "json_tree")
_REACHING = re.compile(
    r"(read_|sniff_|parquet_|http|load_|install_|write_|copy_|duckdb_|pragma_|pg_|lo_|dblink|json_execute|from_substrait)"
    r".*|.*_scan(_pushdown)?"
    r"|glob|query|query_table|query_to_xml|getenv|getvariable|current_setting|set_config|setval|nextval|currval",
    re.IGNORECASE,
)
"""Functions that reach files, the network, settings or other SQL."""

_CHANGING = re.compile(
    r"(get_)?current_(timestamp|date|time|localtime|localtimestamp)|local(time|timestamp)|now|today|timeofday"
    r"|(transaction|statement|clock)_timestamp|rand|random|random_normal|setseed|uuid(v?[47])?",
    re.IGNORECASE,
)
"""Functions that ask the clock or chance, by the names that sqlglot has for them."""

_FILE = re.compile(r"[/\\]|\.(csv|tsv|txt|json|jsonl|ndjson|parquet|gz|zst|xlsx|db|duckdb)$", re.IGNORECASE)


def read_query(text: str, dialect: str = "duckdb") -> str:
    """Check a source's query and write it anew, without comments.

    Args:
        text: The query as ``series.yml`` has it.
        dialect: Whose SQL it is; that of the result too.

    Raises:
        ValueError: It cannot be used; the message is for the user.
    """
    try:
        tree = _parse(text, dialect)
        if found := next(_unwanted(tree, dialect), None):
            raise ValueError(f"the query of a source only reads tables; {found}")
        return tree.sql(dialect=dialect, comments=False, unsupported_level=sqlglot.ErrorLevel.RAISE)
    except sqlglot.errors.ParseError as error:
        first = error.errors[0] if error.errors else {"description": str(error), "line": 1}
        raise ValueError(f"the SQL cannot be read: {first['description']} (its line {first['line']})") from None
    except sqlglot.errors.SqlglotError as error:
        raise ValueError(f"the SQL cannot be read: {error}") from None
    except RecursionError:
        raise ValueError("the SQL is nested too deeply; make a view of it in the warehouse") from None


def _parse(text: str, dialect: str) -> exp.Query:
    tokens = sqlglot.tokenize(text, read=dialect)
    # Looked at before parsing: sqlglot keeps statements that it does not know as they are, and only logs it.
    if tokens and tokens[0].token_type.name not in _FIRST_WORDS:
        raise ValueError(f"the query of a source must be one SELECT; it begins with `{tokens[0].text}`")
    statements = [statement for statement in sqlglot.parse(text, dialect=dialect) if statement is not None]
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise ValueError("the query of a source must be one SELECT")
    return statements[0]


def _unwanted(tree: exp.Query, dialect: str) -> Iterator[str]:
    """What a source's query must not hold, in words."""
    for node in tree.walk():
        if isinstance(node, (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Into)):
            yield "it writes nothing"
        elif isinstance(node, (exp.Command, exp.Describe, exp.Lock)):
            yield f"`{node.sql(dialect)}` cannot stand here"
        elif isinstance(node, (exp.Placeholder, exp.Parameter)):
            yield "write values in quotes, there are no parameters"
        elif isinstance(node, exp.Table):
            yield from _unwanted_table(node, dialect)
        elif isinstance(node, exp.Func) and _REACHING.fullmatch(_name(node)):
            yield f"`{_name(node)}` reaches beyond them"
        elif isinstance(node, exp.TableSample) or (isinstance(node, exp.Func) and _CHANGING.fullmatch(_name(node))):
            yield (
                f"`{node.sql(dialect).strip()}` would give a run that is repeated other rows; "
                "in a rule `now()` is the run's instant, and a view may ask the clock"
            )


def _unwanted_table(table: exp.Table, dialect: str) -> Iterator[str]:
    relation = table.this
    if isinstance(relation, exp.Func):
        name = _name(relation)
        if _REACHING.fullmatch(name) or (dialect == "duckdb" and name not in _TABLE_FUNCTIONS):
            yield f"`{name}` is no table; files have kinds of their own, `parquet` and `csv`"
    elif dialect == "duckdb" and _FILE.search(table.name):
        yield f"`{table.name}` is a file; files have kinds of their own, `parquet` and `csv`"


def _name(function: exp.Func) -> str:
    name = function.name if isinstance(function, exp.Anonymous) else function.sql_name()
    return str(name).lower()
