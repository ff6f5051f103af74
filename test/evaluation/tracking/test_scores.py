"""Scores of tracking: by hand, and against numbers of py-motmetrics 1.4.0."""

from __future__ import annotations

import numpy as np
import pytest

from chromm_ros.evaluation.tracking.scores import Step, score

EXPECTED = {
    0: (0.594594595, 0.748917749, 35, 17, 6),
    1: (0.498876404, 0.701298701, 39, 22, 8),
    2: (0.684563758, 0.709956710, 38, 23, 6),
    3: (0.498886414, 0.761904762, 31, 18, 6),
}
"""Seed -> IDF1, MOTA, misses, false positives, switches by py-motmetrics."""


def step(people, published, in_sight=None) -> Step:
    """``people`` and ``published``: id -> place on a line [m]."""
    truth, places = np.array(list(people.values()), float), np.array(list(published.values()), float)
    seen = np.ones(len(people), bool) if in_sight is None else np.array([person in in_sight for person in people])
    distance = np.abs(truth.reshape(-1, 1) - places.reshape(1, -1))
    return Step(np.array(list(people), int), seen, np.array(list(published), int), distance)


def random_steps(seed: int) -> list[Step]:
    """Four people who walk, with misses, false alarms, exchanged and renewed ids."""
    random = np.random.default_rng(seed)
    places, ids = random.uniform(0, 8, 4), [11, 12, 13, 14]
    steps = []
    for time in range(60):
        places = places + random.normal(0, 0.1, 4)
        if time % 17 == 5:
            ids[int(random.integers(4))] = 100 + time
        if time == 30:
            ids[0], ids[1] = ids[1], ids[0]
        published = {ids[n]: places[n] + random.normal(0, 0.15) for n in range(4) if random.random() < 0.85}
        if random.random() < 0.2:
            published[900 + time // 4] = random.uniform(0, 8)
        present = {n: places[n] for n in range(4) if n or time > 8}
        steps.append(step(present, published))
    return steps


def test_perfect_tracking():
    result = score([step({1: 0.0, 2: 3.0}, {7: 0.0, 8: 3.0}) for _ in range(5)])
    assert (result.idf1, result.mota, result.switches, result.ghosts) == (1, 1, 0, ())
    assert result.hota == pytest.approx(1)
    assert result.hota_all == pytest.approx(1)


def test_a_new_id_half_way_costs_one_switch_and_half_of_the_identity():
    result = score([step({1: 0.0}, {7 if time < 5 else 8: 0.1}) for time in range(10)])
    assert (result.switches, result.misses, result.false_alarms, result.ids) == (1, 0, 0, 2)
    assert result.idf1 == pytest.approx(0.5)
    assert result.hota == pytest.approx(np.sqrt(1 * 0.5))


def test_an_id_that_goes_on_keeps_its_person_while_another_is_nearer():
    steps = [step({1: 0.0}, {7: 0.0}), step({1: 0.0}, {7: 0.3, 8: 0.1})]
    result = score(steps)
    assert (result.switches, result.false_alarms) == (0, 1)


def test_ghosts_are_streaks_of_an_id_that_is_nobody():
    steps = [step({1: 0.0}, {7: 0.0, **({9: 5.0} if 2 <= time < 6 or time == 8 else {})}) for time in range(10)]
    result = score(steps)
    assert sorted(result.ghosts) == [1, 4]
    assert result.false_alarms == 5


def test_somebody_out_of_sight_is_neither_missed_nor_a_false_alarm():
    hidden = [step({1: 0.0, 2: 4.0}, {7: 0.0, 8: 4.0}, in_sight={1}), step({1: 0.0, 2: 4.0}, {7: 0.0}, in_sight={1})]
    result = score(hidden)
    assert (result.truth, result.published, result.misses, result.false_alarms) == (2, 2, 0, 0)
    assert result.ghosts == ()


@pytest.mark.parametrize('seed', EXPECTED)
def test_the_numbers_are_those_of_motmetrics(seed):
    """Made once with ``motmetrics.MOTAccumulator`` on the same steps, distances beyond 0.5 m as NaN."""
    result = score(random_steps(seed))
    idf1, mota, misses, false_alarms, switches = EXPECTED[seed]
    assert result.idf1 == pytest.approx(idf1, abs=1e-6)
    assert result.mota == pytest.approx(mota, abs=1e-6)
    assert (result.misses, result.false_alarms, result.switches) == (misses, false_alarms, switches)


def test_nothing_at_all():
    assert score([]).idf1 == 0
    assert score([step({}, {})]).mota == 1
    assert score([step({}, {5: 1.0})]).false_alarms == 1
