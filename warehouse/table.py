"""A table as data: its columns, what they mean, and the statement that makes it."""

from __future__ import annotations

from dataclasses import dataclass

CUSTOMER_ID = "CUSTOMER_ID"
"""Stands for the type of the source's ``customer_id``, which the state keeps."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        doc: What it means, its unit and time zone, and what null means; one line, for people and catalogs.
        nullable: Whether null occurs; ``doc`` then says what it means.
        unique: Whether no value occurs twice.
        values: The only values that occur; empty where there is no such list.
        references: ``table.column`` of the same schema that has every value of this one; None where there is none.
        long: Whether its texts are long and much alike, so that packing them is worth the time.
    """

    name: str
    type: str
    doc: str
    nullable: bool = False
    unique: bool = False
    values: tuple[str, ...] = ()
    references: str | None = None
    long: bool = False

    @property
    def description(self) -> str:
        """What it means, with the values it may have."""
        return f"{self.doc} One of: {', '.join(self.values)}." if len(self.values) > 1 else self.doc


@dataclass(frozen=True, slots=True)
class Table:
    """One table; ``grain`` says what a row is. It is the one home of what its columns mean."""

    schema: str
    name: str
    grain: str
    columns: tuple[Column, ...]

    @property
    def description(self) -> str:
        """What a row is, as a sentence."""
        return f"Grain: {self.grain}."

    @property
    def qualified_name(self) -> str:
        """Schema and name, as SQL wants them."""
        return f"{self.schema}.{self.name}"

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns' names in order."""
        return tuple(column.name for column in self.columns)

    def create(self, customer_id_type: str, packed: str = "") -> str:
        """The statement that makes the table where it is absent; `packed` follows the type of a long column."""
        columns = ",\n".join(
            f"    {column.name} {customer_id_type if column.type == CUSTOMER_ID else column.type}{packed * column.long}"
            for column in self.columns
        )
        return f"create table if not exists {self.qualified_name} (\n{columns}\n)"
