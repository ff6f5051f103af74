"""Nobody is doubled: one head that is found twice is one person, and two people who embrace stay two."""

from __future__ import annotations

import numpy as np
import pytest
from head_rig import HeadRig, published, times, tracker

from chromm_ros.geometry.similarity import Similarity
from chromm_ros.people.tracker import twins

HEAD = np.array([0.2, -0.1, 1.6])
RATES = [0.1, 0.25, 0.5]


@pytest.mark.parametrize('period', RATES)
@pytest.mark.parametrize('views', [(0,), (0, 2), (0, 1, 2, 3)])
def test_a_head_that_views_find_twice_is_one_person(views, period):
    rig, people = HeadRig(), tracker()
    for time in times(0, 2, period):
        people.update(time, rig.detect({1: HEAD}), rig.cameras())
    for time in times(2, 11, period):
        again = [(view, HEAD + 0.05 * rig.poses[view, :3, 0], 0.9) for view in views]
        people.update(time, rig.detect({1: HEAD}, ghosts=again), rig.cameras())
        assert sorted(published(people)) == [1]


@pytest.mark.parametrize('period', RATES)
def test_views_that_do_not_quite_agree_see_one_person(period):
    """Two views put the head 10 cm beside the place where the other two see it, and each misses it now and then."""
    rig, people = HeadRig(seed=4), tracker()
    aside = {view: HEAD + np.array([0.1 * (view % 2), 0, 0]) for view in range(4)}
    for step, time in enumerate(times(0, 10, period)):
        found = [(view, head, 0.99) for view, head in aside.items() if (step + view) % 3]
        people.update(time, rig.detect({}, ghosts=found), rig.cameras())
        assert len(published(people)) <= 1
    assert sorted(published(people)) == [1]


def test_an_echo_does_not_get_the_id_of_somebody_who_left():
    rig, people = HeadRig(), tracker()
    other = np.array([-1.0, 0.9, 1.7])
    for time in times(0, 3, 0.1):
        people.update(time, rig.detect({1: HEAD, 2: other}), rig.cameras())
    mine, theirs = sorted(published(people), key=lambda n: np.linalg.norm(published(people)[n] - HEAD))
    for time in times(3, 9, 0.1):
        again = [(view, HEAD + np.array([0, 0, 0.06]), 0.9) for view in (1, 2)]
        people.update(time, rig.detect({1: HEAD}, ghosts=again), rig.cameras())
    assert sorted(published(people)) == [mine]
    for time in times(9, 11, 0.1):
        people.update(time, rig.detect({1: HEAD, 2: other}), rig.cameras())
    assert np.linalg.norm(published(people)[mine] - HEAD) < 0.1
    assert np.linalg.norm(published(people)[theirs] - other) < 0.1


@pytest.mark.parametrize('period', RATES)
def test_two_people_who_embrace_stay_two(period):
    """Cheek to cheek for ten seconds: their heads are 24 cm apart, and every view finds both."""
    rig, people = HeadRig(), tracker()
    for time in times(0, 10, period):
        half = np.array([max(1.5 - time, 0.12), 0, 0])
        heads = {1: HEAD - half, 2: HEAD + half}
        people.update(time, rig.detect(heads), rig.cameras())
        assert len(published(people)) == 2


def test_whose_place_it_is_does_not_depend_on_order_or_frame():
    rig, people = HeadRig(seed=2), tracker()
    heads = {1: HEAD, 2: HEAD + np.array([0.6, 0, 0]), 3: HEAD + np.array([0, 1.5, 0.1])}
    for time in times(0, 2):
        people.update(time, rig.detect(heads), rig.cameras())
    tracks, cameras, errors = people.tracks, rig.cameras(), people.errors
    tracks.mean[1, :2] = tracks.mean[0, :2] + [0.1, 0.05]
    pixels = cameras.look_at(tracks.mean[:, :3]).pixels
    widths = cameras.sizes[:, 0]
    usual = twins.Separateness.of(tracks, pixels, widths, errors)
    assert (usual.place < 0.5).tolist() == [False, True, False]
    assert (usual.views[1] < 0.5).all()
    order = np.random.default_rng(1).permutation(len(tracks))
    shuffled = twins.Separateness.of(tracks.take(order), pixels[:, order], widths, errors)
    np.testing.assert_allclose(shuffled.place, usual.place[order], atol=1e-9)
    np.testing.assert_allclose(shuffled.views, usual.views[order], atol=1e-9)
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    moved = tracks.moved(Similarity(np.array(1.0), turn, np.array([3.0, -2.0, 0.5])))
    np.testing.assert_allclose(twins.Separateness.of(moved, pixels, widths, errors).place, usual.place, atol=1e-6)


@pytest.mark.parametrize('period', [0.1, 0.25])
def test_two_views_that_come_to_agree_about_a_newcomer_saw_one_person(period):
    """Each puts who comes in elsewhere along its ray, so that two tracks begin; within a second both are right."""
    rig, people = HeadRig(), tracker()
    rig.poses = rig.poses[[0, 1]]
    begun = 0
    for time in times(0, 4, period):
        wrong = 0.35 * max(1 - time, 0.0)
        detections = rig.detect({1: HEAD}, stretch={0: 1 - wrong, 1: 1 + wrong}, score=0.93)
        people.update(time, detections, rig.cameras())
        begun = max(begun, len(people.tracks))
    assert begun == 2
    assert sorted(published(people)) == [1]
    assert len(people.tracks) == 1


def test_a_newcomer_that_takes_over_the_detections_of_somebody_is_that_person():
    """Nobody believed in it while the other one was there; it is given the id, and is nobody new."""
    rig, people = HeadRig(), tracker()
    for time in times(0, 3):
        people.update(time, rig.detect({1: HEAD}), rig.cameras())
    tracks = people.tracks
    again = tracks.take(np.array([0]))
    again.id[:], again.key[:], again.known[:], again.human[:] = 0, 99, False, 3.0
    again.born[:] = 0.0
    people.tracks = tracks.followed_by(again)
    people.tracks.owned[0] = -1
    people.tracks.present[0] = 0.5
    people.tracks.mean[0, :2] += [0.15, 0.1]
    people._name(2.75, False)
    assert people.tracks.id.tolist() == [1]
    assert people.tracks.key.tolist() == [99]
