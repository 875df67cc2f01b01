"""The levels of a run: in which order it looks at the blocks that customers come to."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.checked import CheckedSeries
from pipelines.graph import longest_ways
from pipelines.model import Channel, ContentBlock


def run_levels(checked: CheckedSeries, channels: Mapping[str, Channel]) -> Mapping[str, int]:
    """How many blocks a customer can pass within one run before each block, at most; entry rules are 0.

    So all who come to a block in a run are known when its level is looked at. A message that is to be received is not
    passed in the run that brings it: whoever goes on from there has stood there since an earlier run, and is known
    from the beginning. A message that counts as received when queued comes before all that lies behind it, because a
    rule there may ask for it, whatever way its customers come.

    Args:
        checked: A series without errors.
        channels: Those of the project, by name.
    """
    graph, blocks = checked.graph, checked.series.blocks
    held = {
        block_id
        for block_id, block in blocks.items()
        if isinstance(block, ContentBlock) and channels[block.channel.value].receipts
    }
    queued = {block_id for block_id, block in blocks.items() if isinstance(block, ContentBlock)} - held
    ways = {(way.from_block, way.to_block) for way in graph.connections if way.from_block not in held}
    if queued:
        ways |= {(before, block_id) for block_id in blocks for before in graph.ancestors(block_id) & queued}
    ways |= {(entry_rule, way.to_block) for entry_rule in graph.entry_rules for way in graph.connections}
    return longest_ways(blocks, ways)
