"""Where blocks stand: none covers another, lines run down, what follows stands below."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipelines.pages.layout import GAP, lay_out

WIDTH = 200.0


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, str]]]:
    """Blocks, and connections from earlier to later ones."""
    size = draw(st.integers(1, 25))
    blocks = [f"b{number}" for number in range(size)]
    pairs = [(one, other) for number, one in enumerate(blocks) for other in blocks[number + 1 :]]
    return blocks, draw(st.lists(st.sampled_from(pairs), unique=True, max_size=40)) if pairs else []


@given(graphs())
def test_blocks_keep_apart_and_connections_lead_down(graph: tuple[list[str], list[tuple[str, str]]]) -> None:
    blocks, connections = graph
    layout = lay_out(dict.fromkeys(blocks, WIDTH), connections)
    for layer in range(layout.layers):
        row = sorted(x for x, its_layer in layout.centres.values() if its_layer == layer)
        assert all(right - left >= WIDTH + GAP - 1e-6 for left, right in pairwise(row))
        for (source, target), route in layout.routes.items():
            for x, at in route:
                near = [abs(x - centre) for centre, its_layer in layout.centres.values() if its_layer == at]
                assert min(near, default=WIDTH) > WIDTH / 2, f"{source} to {target} runs through a block"
    assert all(x - WIDTH / 2 + 1e-6 >= 0 and x + WIDTH / 2 <= layout.width + 1e-6 for x, _ in layout.centres.values())
    for source, target in connections:
        assert layout.centres[source][1] + len(layout.routes[source, target]) + 1 == layout.centres[target][1]


def test_one_way_is_one_straight_column() -> None:
    blocks = ["a", "b", "c", "d"]
    layout = lay_out(dict.fromkeys(blocks, WIDTH), [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d")])
    assert len({layout.centres[block][0] for block in blocks}) == 1
    assert [layer for _, layer in layout.routes["a", "d"]] == [1, 2]


def test_no_blocks_take_no_place() -> None:
    assert lay_out({}, []).width == 0
