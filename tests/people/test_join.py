"""Connected components, compared with a search."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactkit._people.join import join

PAIRS = st.lists(st.tuples(st.integers(0, 14), st.integers(0, 9)), max_size=30)


@given(pairs=PAIRS)
def test_nodes_have_the_label_of_the_least_node_that_they_belong_with(
    pairs: list[tuple[int, int]],
):
    left, right = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    labels = join(15, left, right, 10)
    for node in range(15):
        reached, grown = {node}, True
        while grown:
            groups = {group for member, group in pairs if member in reached}
            more = reached | {member for member, group in pairs if group in groups}
            grown, reached = more != reached, more
        assert labels[node] == min(reached)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_long_chain_is_one_component(reverse: bool):
    count = 20_000
    order = np.random.default_rng(3).permutation(count)
    order = order[::-1] if reverse else order
    left = np.concatenate([order[:-1], order[1:]])
    right = np.tile(np.arange(count - 1), 2)
    assert not join(count, left, right, count - 1).any()
