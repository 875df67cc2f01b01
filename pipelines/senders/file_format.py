"""How messages look in a file: the same table gives the same bytes.

- ``jsonl``: a message per line, an object with the message columns; ``payload`` is an object, times end in ``Z``.
- ``csv``: UTF-8, a header, texts in quotes, null as nothing between the commas; ``payload`` is JSON text, times end in
  ``Z``. It is for programs, so every value stands exactly as it is; none is altered for spreadsheets, which take an
  address that begins with ``=``, ``+``, ``-`` or ``@`` for a formula (a changed address would reach the wrong person).
- ``parquet``: times as timestamps in UTC, ``payload`` as JSON text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, BinaryIO

from pipelines.whole_file import Same, same_bytes

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

Writer = Callable[["pa.Table", BinaryIO], None]

_INSTANT = "%Y-%m-%dT%H:%M:%S%.fZ"


def write_jsonl(messages: pa.Table, file: BinaryIO) -> None:
    """Write a line of JSON per message."""
    import polars as pl

    frame = _with_times_as_text(messages)
    plain = pl.struct(pl.exclude("payload")).struct.json_encode().str.strip_suffix("}")
    # Between the values of JSON a line break means nothing, but here it would end the message.
    payload = pl.col("payload").fill_null("{}").str.replace_all(r"[\r\n]", " ")
    lines = frame.select(pl.concat_str(plain, pl.lit(',"payload":'), payload, pl.lit("}")))
    lines.write_csv(file, include_header=False, quote_style="never", line_terminator="\n")


def write_csv(messages: pa.Table, file: BinaryIO) -> None:
    """Write a header and a line per message."""
    _with_times_as_text(messages).write_csv(file, quote_style="non_numeric", line_terminator="\n")


def write_parquet(messages: pa.Table, file: BinaryIO) -> None:
    """Write one Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    in_utc = [
        field.with_type(pa.timestamp("us", "UTC")) if pa.types.is_timestamp(field.type) else field
        for field in messages.schema
    ]
    # Where chunks of the table begin would otherwise show in the pages of the file.
    pq.write_table(messages.cast(pa.schema(in_utc)).combine_chunks(), file, compression="zstd")


def same_parquet(one: BinaryIO, other: BinaryIO) -> bool:
    """Whether two Parquet files hold the same rows; their bytes differ with the version of the library."""
    import pyarrow.parquet as pq

    return same_bytes(one, other) or bool(pq.ParquetFile(one).read().equals(pq.ParquetFile(other).read()))


FORMATS: Mapping[str, tuple[Writer, Same]] = {
    "jsonl": (write_jsonl, same_bytes),
    "csv": (write_csv, same_bytes),
    "parquet": (write_parquet, same_parquet),
}
"""The writer of each format, and how two of its files are compared; the name is the file's ending."""


def _with_times_as_text(messages: pa.Table) -> pl.DataFrame:
    import polars as pl
    import polars.selectors as cs

    frame = pl.from_arrow(messages)
    assert isinstance(frame, pl.DataFrame)
    return frame.with_columns(cs.datetime().dt.to_string(_INSTANT))
