from pathlib import Path

import numpy as np
import pytest

from chromm_ros.people.assignment import cheapest_pairs, mutual_best, sinkhorn

REFERENCE = np.load(Path(__file__).parent / 'fixtures' / 'sinkhorn.npz')
CASES = sorted({name.partition('.')[0] for name in REFERENCE})


def existing(cost):
    return np.ones(cost.shape[0], bool), np.ones(cost.shape[1], bool)


@pytest.mark.parametrize('case', CASES)
def test_the_plan_is_that_of_the_reference(case):
    cost = REFERENCE[f'{case}.cost'].astype(float)
    plan = sinkhorn(cost, *existing(cost))
    np.testing.assert_allclose(np.log(plan), REFERENCE[f'{case}.logZ'], atol=1e-5)
    np.testing.assert_array_equal(mutual_best(plan, 0.2), REFERENCE[f'{case}.idx0'])


def test_padding_and_batches_change_nothing():
    cost = REFERENCE['new3x4.cost'].astype(float)
    padded = np.full((2, 6, 5), np.nan)
    padded[0, [0, 2, 5], :4] = cost
    padded[1, :4, [1, 3, 4]] = cost
    rows, columns = np.zeros((2, 6), bool), np.zeros((2, 5), bool)
    rows[0, [0, 2, 5]] = rows[1, :4] = columns[0, :4] = columns[1, [1, 3, 4]] = True
    plan = sinkhorn(padded, rows, columns)
    alone = sinkhorn(cost, *existing(cost))
    np.testing.assert_allclose(plan[0][[0, 2, 5, 6]][:, [0, 1, 2, 3, 5]], alone, rtol=1e-12)
    other = sinkhorn(cost.T, *existing(cost.T))
    np.testing.assert_allclose(plan[1][[0, 1, 2, 3, 6]][:, [1, 3, 4, 5]], other, rtol=1e-12)
    np.testing.assert_allclose(plan.sum(), alone.sum() + other.sum())


def test_far_costs_do_not_underflow():
    plan = sinkhorn(np.full((2, 2), 1e6), np.ones(2, bool), np.ones(2, bool))
    assert np.isfinite(plan).all()
    assert (mutual_best(plan, 0.2) == -1).all()


@pytest.mark.parametrize('shape', [(0, 3), (3, 0), (0, 0)])
def test_nobody_matches_nobody(shape):
    plan = sinkhorn(np.zeros(shape), np.ones(shape[0], bool), np.ones(shape[1], bool))
    assert (mutual_best(plan, 0.2) == np.full(shape[0], -1)).all()


def test_the_order_of_rows_and_columns_does_not_matter():
    rng = np.random.default_rng(0)
    cost = 20 * rng.random((5, 4))
    rows, columns = rng.permutation(5), rng.permutation(4)
    match = mutual_best(sinkhorn(cost, *existing(cost)), 0.2)
    again = mutual_best(sinkhorn(cost[rows][:, columns], *existing(cost)), 0.2)
    expected = np.where(match[rows] < 0, -1, np.argsort(columns)[match[rows]])
    np.testing.assert_array_equal(again, expected)


def test_a_pair_that_is_too_dear_pushes_nobody_out():
    # uncut, the least sum pairs 0-1 and 1-0 (0.9 in all) and refuses neither; the best match 0-0 would be lost
    cost = np.array([[0.1, 0.45], [0.45, 1e6]])
    row, column = cheapest_pairs(cost, price=0.5)
    assert list(zip(row, column)) == [(0, 0)]


def test_infinite_costs_are_never_paired():
    row, _ = cheapest_pairs(np.full((3, 2), np.inf), price=0.5)
    assert row.size == 0
