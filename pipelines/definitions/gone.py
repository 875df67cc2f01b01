"""Blocks that a definition does not have any more, and where customers go who stand there: `moved` and `removed`."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pipelines.graph import build_graph, structure_problems
from pipelines.hint import did_you_mean
from pipelines.model import Block, Text
from pipelines.reader import Reader


def read_gone(reader: Reader, blocks: Mapping[str, Block]) -> Mapping[str, tuple[Text, ...]]:
    """Where customers go on who stand at blocks that are gone, by block; nowhere: they leave.

    Args:
        reader: The series.
        blocks: Those that it has.
    """
    gone: dict[str, tuple[Text, ...]] = {}
    if moved := reader.inner("moved", None):
        # What seems to be an entry rule may be none, once what is wrong elsewhere is mended.
        entry_rules = () if structure_problems(blocks) else build_graph(blocks).entry_rules
        for block_id, entry in moved.node.entries.items():
            _expect_gone(reader, entry.key, "moved", blocks)
            gone[block_id] = moved.texts(block_id)
            for target in gone[block_id]:
                _expect_target(reader, target, block_id, blocks, entry_rules, moved.node.entries)
    for block in reader.texts("removed"):
        _expect_gone(reader, block, "removed", blocks)
        if block.value in gone:
            reader.report(block.position, f"block `{block}` is named in `moved` as well; keep one of the two")
        gone.setdefault(block.value, ())
    return gone


def _expect_gone(reader: Reader, block: Text, key: str, blocks: Collection[str]) -> None:
    reader.identifier(block, "block")
    if block.value in blocks:
        reader.report(
            block.position,
            f"`{key}` says where customers of block `{block}` go, but this series has that block; take one of the two"
            " out, or give a new block another id",
        )


def _expect_target(
    reader: Reader,
    target: Text,
    block_id: str,
    blocks: Collection[str],
    entry_rules: Collection[str],
    others: Collection[str],
) -> None:
    if target.value not in blocks:
        gone = "; it is gone as well, so name the block where its customers go"
        hint = gone if target.value in others else did_you_mean(target.value, blocks)
        reader.report(
            target.position, f"`moved` leads from `{block_id}` to `{target}`, which is no block of this series{hint}"
        )
    elif target.value in entry_rules:
        reader.report(
            target.position,
            f"`moved` leads from `{block_id}` to `{target}`, but an entry rule is where customers enter; name a block"
            " behind it",
        )
