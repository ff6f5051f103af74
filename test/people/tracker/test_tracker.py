"""What a tracker must come through, on drawn detections: one test for each thing that it knows."""

from __future__ import annotations

import numpy as np
import pytest
from head_rig import ERRORS, HeadRig, published, times, tracker, walk
from hypothesis import given, settings
from hypothesis import strategies as st

from chromm_ros.geometry.similarity import Similarity


def still(*place: float) -> np.ndarray:
    return np.array(place)


def test_people_are_found_where_they_are_and_keep_their_ids():
    rig, people = HeadRig(), tracker()
    ways = {1: walk((-1, -1, 1.6), (1.2, 0.5, 1.6)), 2: walk((1, 1, 1.7), (-1, 0.8, 1.7))}
    for time in times(0, 5):
        heads = {person: way(time) for person, way in ways.items()}
        people.update(time, rig.detect(heads), rig.cameras())
        assert sorted(published(people)) == [1, 2]
        for head in heads.values():
            assert min(np.linalg.norm(head - found) for found in published(people).values()) < 0.1


@pytest.mark.parametrize('period', [1 / 30, 0.1, 0.25, 0.5, 1.0])
def test_a_ghost_is_gone_soon_where_a_camera_sees_through_its_place(period):
    """Absence is evidence; how fast does not depend on the rate of the images."""
    rig, people = HeadRig(), tracker()
    for time in times(0, 4, period):
        people.update(time, rig.detect({1: still(0.3, 0.2, 1.6)}), rig.cameras())
    assert sorted(published(people)) == [1]
    gone = None
    for time in times(4, 8, period):
        people.update(time, rig.detect({}), rig.cameras(without=[1, 2, 3]))
        if not published(people):
            gone = time - 4
            break
    assert gone is not None
    assert gone <= max(0.8, 2 * period)


def test_somebody_hidden_from_all_cameras_stays():
    rig, people = HeadRig(), tracker()
    for time in times(0, 4):
        people.update(time, rig.detect({1: still(0.3, 0.2, 1.6)}), rig.cameras())
    for time in times(4, 4.75):
        people.update(time, rig.detect({}), rig.cameras(walls=dict.fromkeys(range(4), 1.0)))
        assert sorted(published(people)) == [1]
        assert not people.tracks.observed.any()


@pytest.mark.parametrize('views', [1, 2, 4])
def test_the_first_steps_of_somebody_who_stood_are_not_another_persons(views):
    rig, people = HeadRig(), tracker()
    rig.poses = rig.poses[:views]
    way = walk((-0.6, 0.1, 1.6), (1.2, 0.4, 1.6), 1.4)
    for time in times(0, 6):
        people.update(time, rig.detect({1: way(max(time - 5, 0.0))}), rig.cameras())
        assert len(published(people)) <= 1
    assert sorted(published(people)) == [1]


def test_images_that_do_not_show_the_place_take_nothing_away():
    """A property of belief: what no camera looks at is not doubted."""
    rig, people = HeadRig(), tracker()
    for time in times(0, 4):
        people.update(time, rig.detect({1: still(0.3, 0.2, 1.6)}), rig.cameras())
    before = people.tracks.existence[0]
    people.update(4.0, rig.detect({}), rig.cameras(without=range(4)))
    assert people.tracks.existence[0] == pytest.approx(before, abs=0.01)


def test_a_view_that_errs_for_long_is_put_right_at_once_by_a_second_one():
    rig, people = HeadRig(), tracker()
    rig.poses = rig.poses[[0, 1]]
    head = still(0.2, -0.1, 1.6)
    for time in times(0, 10):
        people.update(time, rig.detect({1: head}, missed=[(1, 1)], stretch={0: 1.2}), rig.cameras(without=[1]))
    assert sorted(published(people)) == [1]
    people.update(10.0, rig.detect({1: head}, stretch={0: 1.2}), rig.cameras())
    assert sorted(published(people)) == [1]
    assert np.linalg.norm(published(people)[1] - head) < 0.2


def test_two_close_people_are_not_exchanged_while_each_third_detection_is_missing():
    rig, people = HeadRig(seed=3), tracker()
    heads = {1: still(0.0, 0.0, 1.6), 2: still(0.45, 0.4, 1.65)}
    ids = {}
    for step, time in enumerate(times(0, 10)):
        missed = [(view, person) for view in range(4) for person in heads if (view + 2 * person + step) % 3 == 0]
        people.update(time, rig.detect(heads, missed=missed if step else ()), rig.cameras())
        found = published(people)
        now = {person: min(found, key=lambda n: np.linalg.norm(found[n] - head)) for person, head in heads.items()}
        ids = ids or now
        assert now == ids
        assert len(found) == 2


def test_people_who_cross_keep_their_ids():
    rig, people = HeadRig(), tracker()
    ways = {1: walk((-1.5, 0.2, 1.6), (1.5, 0.2, 1.6)), 2: walk((1.5, -0.2, 1.7), (-1.5, -0.2, 1.7))}
    first = {}
    for time in times(0, 4.5):
        heads = {person: way(time) for person, way in ways.items()}
        people.update(time, rig.detect(heads), rig.cameras())
        found = published(people)
        first = first or {
            person: min(found, key=lambda n: np.linalg.norm(found[n] - heads[person])) for person in ways
        }
    for person, identity in first.items():
        assert np.linalg.norm(published(people)[identity] - ways[person](4.25)) < 0.3


def test_somebody_who_leaves_and_returns_gets_the_same_id_and_a_stranger_another():
    rig, people = HeadRig(), tracker()
    home = {1: still(0.8, 0.5, 1.6)}
    for time in times(0, 4):
        people.update(time, rig.detect(home), rig.cameras())
    for time in times(4, 12):
        people.update(time, rig.detect({}), rig.cameras())
    assert published(people) == {}
    for time in times(12, 14):
        people.update(time, rig.detect(home), rig.cameras())
    assert sorted(published(people)) == [1]
    for time in times(14, 16):
        people.update(time, rig.detect({**home, 2: still(-1.0, -1.0, 1.7)}), rig.cameras())
    assert sorted(published(people)) == [1, 2]


def test_after_the_time_of_memory_nobody_is_recognised():
    rig, people = HeadRig(), tracker(memory=2.0)
    home = {1: still(0.8, 0.5, 1.6)}
    for start, heads in ((0.0, home), (4.0, {}), (12.0, home)):
        for time in times(start, start + (8 if start == 4 else 4)):
            people.update(time, rig.detect(heads), rig.cameras())
    assert sorted(published(people)) == [2]


@pytest.mark.parametrize(('views', 'believed'), [([0], False), ([0, 1, 2, 3], True)])
def test_weak_detections_are_believed_when_views_agree(views, believed):
    rig, people = HeadRig(), tracker()
    thing = still(0.2, 0.4, 1.5)
    for time in times(0, 5):
        people.update(time, rig.detect({}, ghosts=[(view, thing, 0.6) for view in views]), rig.cameras())
        assert bool(published(people)) == believed


def test_one_view_alone_introduces_somebody_by_its_score_where_no_other_looks():
    for score, believed in ((0.99, True), (0.6, False)):
        rig, people = HeadRig(), tracker()
        rig.poses = rig.poses[:1]
        for time in times(0, 2):
            people.update(time, rig.detect({1: still(0, 0, 1.6)}, score=score), rig.cameras())
        assert bool(published(people)) == believed


def test_the_order_of_views_and_detections_does_not_matter():
    results = []
    for order in (np.arange(4), np.array([2, 0, 3, 1])):
        rig, people = HeadRig(noise=0.0), tracker()
        rig.poses = rig.poses[order]
        ways = {1: walk((-1, -1, 1.6), (1.2, 0.5, 1.6)), 2: walk((1, 1, 1.7), (-1, 0.8, 1.7))}
        for time in times(0, 4):
            chosen = dict(reversed(ways.items())) if order[0] else ways
            detections = rig.detect({person: way(time) for person, way in chosen.items()})
            people.update(time, detections, rig.cameras())
        results.append(sorted(published(people).values(), key=lambda head: head[0]))
    np.testing.assert_allclose(results[0], results[1], atol=1e-6)


def test_a_rigid_change_of_the_world_changes_nothing_else():
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    change = Similarity(np.ones(()), turn, np.array([1e5, -2e5, 3.0]))
    results = []
    for moved in (False, True):
        rig, people = HeadRig(noise=0.0), tracker()
        way = walk((-1, -1, 1.6), (1.2, 0.5, 1.6))
        for step, time in enumerate(times(0, 4)):
            if moved and step == 8:
                people.move(change)
                rig.poses = change.apply_poses(rig.poses)
            head = way(time) if not moved or step < 8 else change.apply(way(time))
            people.update(time, rig.detect({1: head}), rig.cameras())
        results.append(people)
    expected = change.apply(published(results[0])[1])
    np.testing.assert_allclose(published(results[1])[1], expected, atol=1e-3)
    np.testing.assert_allclose(results[0].tracks.existence, results[1].tracks.existence, atol=1e-3)


@pytest.mark.parametrize('period', [1 / 30, 0.1, 0.5, 1.0])
def test_ids_do_not_depend_on_the_rate(period):
    rig, people = HeadRig(seed=1), tracker()
    ways = {1: walk((-1.2, 0.5, 1.6), (1.2, 0.5, 1.6), 0.5), 2: walk((1.2, -0.5, 1.7), (-1.2, -0.5, 1.7), 0.5)}
    for time in times(0, 6, period):
        people.update(time, rig.detect({person: way(time) for person, way in ways.items()}), rig.cameras())
    assert sorted(published(people)) == [1, 2]
    assert people._next_id == 3


def test_merging_keeps_one_id_where_the_person_is_seen():
    rig, people = HeadRig(), tracker()
    for time in times(0, 2):
        people.update(time, rig.detect({1: still(0, 0, 1.6), 2: still(1, 1, 1.7)}), rig.cameras())
    people.merge(1, 2)
    assert sorted(published(people)) == [1]
    with pytest.raises(KeyError):
        people.merge(1, 2)


def test_cameras_that_come_later_join():
    rig, people = HeadRig(), tracker()
    everywhere = rig.poses
    for time, views in ((0.0, 2), (0.25, 2), (0.5, 4), (0.75, 4)):
        rig.poses = everywhere[:views]
        people.update(time, rig.detect({1: still(0, 0, 1.6)}), rig.cameras())
    assert sorted(published(people)) == [1]
    assert (people.tracks.owned[0] >= 0).sum() == 4


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 6), st.floats(0.03, 1.0))
def test_nobody_is_doubled_and_no_id_used_twice(seed, count, period):
    """Whatever is detected: one owner for a detection, one person for an id, ids that only grow."""
    rig, people, random = HeadRig(seed=seed, noise=3.0), tracker(), np.random.default_rng(seed)
    heads = {person: random.uniform((-2, -2, 1.2), (2, 2, 1.9)) for person in range(count)}
    seen: set[int] = set()
    for step in range(6):
        heads = {person: head + random.normal(0, 0.1, 3) for person, head in heads.items()}
        missed = [(view, person) for view in range(4) for person in heads if random.random() < 0.3]
        ghosts = [(int(random.integers(4)), random.uniform((-2, -2, 0), (2, 2, 2)), float(random.random()))]
        detections = rig.detect(heads, missed=missed, ghosts=ghosts)
        people.update(step * period, detections, rig.cameras())
        owned = people.tracks.owned
        for view in range(4):
            rows = owned[owned[:, view] >= 0, view]
            assert len(rows) == len(set(rows)) <= (detections.view == view).sum()
        ids = people.tracks.id[people.tracks.id > 0].tolist()
        assert len(ids) == len(set(ids))
        new = set(ids) - seen
        assert all(identity > max(seen, default=0) for identity in new) or not new
        seen |= set(ids)
        assert np.isfinite(people.tracks.mean).all()
        assert (np.linalg.eigvalsh(people.tracks.covariance) > 0).all()


def test_the_error_model_survives_json():
    assert type(ERRORS).from_json(ERRORS.to_json()) == ERRORS
    with pytest.raises(ValueError, match='not an error model'):
        type(ERRORS).from_json('{"direction": 1, "nonsense": 2}')
