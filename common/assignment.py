"""One-to-one assignment of sparse pairs: who goes with whom so that the total gain is largest."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


def assign(rows: np.ndarray, columns: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Choose pairs so that no row and no column is used twice and the sum of their gains is maximal.

    rows, columns: (k,) whole numbers from 0, every pair at most once; gain: (k,) > 0. Returns the (m,) indices of the
    chosen pairs, ascending. Pairs that share nothing with others are taken at once; only what hangs together goes
    through the Hungarian algorithm, so that thousands of objects cost little more than looking at them.
    """
    if not len(rows):
        return np.zeros(0, np.int64)
    n = int(rows.max()) + 1
    size = n + int(columns.max()) + 1
    graph = coo_matrix((np.ones(len(rows), np.int8), (rows, n + columns)), shape=(size, size))
    component = connected_components(graph, directed=False)[1][rows]
    order = np.argsort(component, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(component[order])) + 1)
    chosen = [g if len(g) == 1 else _hungarian(rows, columns, gain, g) for g in groups]
    return np.sort(np.concatenate(chosen))


def _hungarian(rows: np.ndarray, columns: np.ndarray, gain: np.ndarray, group: np.ndarray) -> np.ndarray:
    row_of = np.unique(rows[group], return_inverse=True)[1]
    column_of = np.unique(columns[group], return_inverse=True)[1]
    shape = (row_of.max() + 1, column_of.max() + 1)
    gains, pair = np.zeros(shape), np.full(shape, -1)
    gains[row_of, column_of] = gain[group]
    pair[row_of, column_of] = group
    taken = pair[linear_sum_assignment(gains, maximize=True)]
    return taken[taken >= 0]
