"""Which nodes belong together: connected components, in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np


def join(nodes: int, left: Any, right: Any, others: int) -> Any:
    """A label for each of `nodes`, equal where they share one of the `others`, also by a chain.

    Each pair of `left` (a node) and `right` (one of the others) is a link. The label is the least
    node that it belongs with, so it does not depend on the order of the links.
    """
    labels = np.arange(nodes, dtype=np.int32)
    if not len(left):
        return labels
    order = np.argsort(right, kind="stable")
    members, starts = left[order], _starts(right[order])
    counts = np.diff(np.append(starts, len(members)))
    while True:
        # Each group takes its least label, and so does the node that had the label before.
        of_members = labels[members]
        least = np.repeat(np.minimum.reduceat(of_members, starts), counts)
        smaller = least < of_members
        if not smaller.any():
            return labels
        np.minimum.at(labels, of_members[smaller], least[smaller])
        np.minimum.at(labels, members[smaller], least[smaller])
        while not np.array_equal(shorter := labels[labels], labels):
            labels = shorter


def _starts(ordered: Any) -> Any:
    """Where each run of equal values begins."""
    return np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
