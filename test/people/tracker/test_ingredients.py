"""Each thing that the tracker knows is worth something: what it gets right fails when that knowledge is taken out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from head_rig import ERRORS, HeadRig, published, times
from truthful_studio import ring

from chromm_ros.people.tracker import (
    HeadDetections,
    IdentitySettings,
    Tracker,
    assignment,
    belief,
    evidence,
    footing,
    twins,
)

Run = Callable[[Tracker], bool]


def a_ghost_goes(people: Tracker) -> bool:
    rig = HeadRig()
    for time in times(0, 4):
        people.update(time, rig.detect({1: np.array([0.3, 0.2, 1.6])}), rig.cameras())
    for time in times(4, 4.5):
        people.update(time, rig.detect({}), rig.cameras())
    return not published(people)


def a_place_moves_to_where_no_camera_looks(people: Tracker) -> bool:
    """The first view puts a person where the second one looks and sees nobody: it must be farther away."""
    rig = HeadRig()
    rig.poses = rig.poses[:2]
    start, forward = rig.poses[0, :3, 3], rig.poses[0, :3, 2]
    for time in times(0, 3):
        detections = rig.detect({1: start + 7.6 * forward}, missed=[(1, 1)], stretch={0: 6.7 / 7.6})
        people.update(time, detections, rig.cameras())
    return bool(np.linalg.norm(people.tracks.mean[0, :3] - start) > 6.95)


def a_lasting_error_is_remembered(people: Tracker) -> bool:
    """Once a second view has shown that the first one puts people too far away, the first one alone suffices."""
    rig = HeadRig()
    rig.poses = rig.poses[:2]
    head = np.array([0.2, -0.1, 1.6])
    for time in times(0, 4):
        people.update(time, rig.detect({1: head}, stretch={0: 1.2}), rig.cameras())
    for time in times(4, 8):
        people.update(time, rig.detect({1: head}, missed=[(1, 1)], stretch={0: 1.2}), rig.cameras(without=[1]))
    return bool(np.linalg.norm(people.tracks.mean[0, :3] - head) < 0.35)


def a_view_that_errs_is_put_right_by_the_floor(people: Tracker) -> bool:
    """The only camera, which looks down, puts somebody a fifth too far away: the feet would be under the floor."""
    rig = HeadRig()
    rig.poses = rig.poses[:1]
    rig.poses[0, 2, 3] += 1.0
    head = np.array([0.2, -0.1, 1.6])
    for time in times(0, 4):
        detections = rig.detect({1: head}, stretch={0: 1.2})
        detections.posture[..., 2] = np.clip(detections.posture[..., 2], -1.4, 0)
        detections.posture[:, 10, 2] = -1.5
        people.update(time, detections, rig.cameras(), floor=0.1 - footing.SOLE)
    return bool(np.linalg.norm(people.tracks.mean[0, :3] - head) < 0.35)


def weak_detections_of_one_view_are_not_believed(people: Tracker) -> bool:
    rig = HeadRig()
    rig.poses = rig.poses[:1]
    for time in times(0, 4):
        people.update(time, rig.detect({}, ghosts=[(0, np.array([0.2, 0.4, 1.5]), 0.6)]), rig.cameras())
    return not published(people)


def a_person_for_good_survives_weak_scores(people: Tracker) -> bool:
    rig = HeadRig()
    head = {1: np.array([0.0, 0.0, 1.6])}
    for time in times(0, 5):
        people.update(time, rig.detect(head), rig.cameras())
    for time in times(5, 25):
        missed = [(view, 1) for view in (1, 2, 3)]
        people.update(time, rig.detect(head, missed=missed, score=0.45), rig.cameras(without=[1, 2, 3]))
    return sorted(published(people)) == [1]


def somebody_who_returns_is_recognised(people: Tracker) -> bool:
    rig = HeadRig()
    home = {1: np.array([0.8, 0.5, 1.6])}
    for time in times(0, 4):
        people.update(time, rig.detect(home), rig.cameras())
    for time in times(4, 12):
        people.update(time, rig.detect({}), rig.cameras())
    for time in times(12, 14):
        people.update(time, rig.detect(home), rig.cameras())
    return sorted(published(people)) == [1]


def a_head_that_is_found_twice_is_one_person(people: Tracker) -> bool:
    rig = HeadRig()
    head = np.array([0.2, -0.1, 1.6])
    for time in times(0, 4):
        again = [(view, head + np.array([0, 0, 0.06]), 0.9) for view in (1, 2)]
        people.update(time, rig.detect({1: head}, ghosts=again), rig.cameras())
    return sorted(published(people)) == [1]


def one_detection_for_two_heads_is_no_absence(people: Tracker) -> bool:
    """One behind the other for the only camera, which sees one head for two."""
    rig = HeadRig()
    rig.poses = rig.poses[:2]
    middle = np.append(rig.poses[0, :2, 2], 0)
    heads = {1: np.array([0, 0, 1.6]), 2: np.array([0, 0, 1.6]) + 0.8 * middle}
    for time in times(0, 3):
        people.update(time, rig.detect(heads), rig.cameras())
    for time in times(3, 3.75):
        missed = [(0, 2), (1, 2)]
        people.update(time, rig.detect(heads, missed=missed), rig.cameras(without=[1]))
    return sorted(published(people)) == [1, 2]


def a_view_alone_is_put_right_by_the_others(people: Tracker) -> bool:
    """Two people in uniform exchange their sides in one image: that view alone takes each for the other."""
    rig = HeadRig()
    rig.poses = ring(5, radius=4.5)
    middle, right = np.array([0, 0, 1.6]), 0.25 * rig.poses[0, :3, 0]
    ahead = np.append(rig.poses[0, :2, 2], 0.0)
    ahead *= 0.4 / np.linalg.norm(ahead)
    before = {1: middle - right - ahead, 2: middle + right + ahead}
    after = {1: middle + right - ahead, 2: middle - right + ahead}
    for time in times(0, 3):
        people.update(time, in_uniform(rig.detect(before)), rig.cameras())
    ids = _ids_of_rows(people)
    people.update(3.0, in_uniform(rig.detect(after)), rig.cameras())
    return ids == _ids_of_rows(people)


def in_uniform(detections: HeadDetections) -> HeadDetections:
    detections.betas[:], detections.posture[:] = 0.0, detections.posture[:1]
    return detections


def _ids_of_rows(people: Tracker) -> dict[int, int]:
    """Id of each detection of the first view; detections come in order of the persons."""
    return dict(zip(people.tracks.owned[:, 0].tolist(), people.tracks.id.tolist()))


def posture_tells_close_people_apart(people: Tracker) -> bool:
    """Two people on one ray of the only camera, whose distances it does not know: they change places in the image."""
    rig = HeadRig(noise=0.0)
    rig.poses = rig.poses[:1]
    right = rig.poses[0, :3, 0]
    heads = {1: -0.12 * right + [0, 0, 1.6], 2: 0.12 * right + [0, 0, 1.6]}
    for time in times(0, 3):
        people.update(time, rig.detect(heads), rig.cameras())
    ids = _ids_of_rows(people)
    people.update(3.0, rig.detect({1: heads[2], 2: heads[1]}), rig.cameras())
    return ids == _ids_of_rows(people)


def a_wild_detection_is_forgiven(people: Tracker) -> bool:
    """One image of four puts the head seven degrees aside: nobody new begins there."""
    rig = HeadRig()
    for step, time in enumerate(times(0, 4)):
        detections = rig.detect({1: np.array([0.0, 0.0, 1.6])})
        if step == 12:
            mine = detections.view == 0
            detections.ray[mine] = _unit(detections.ray[mine] + 0.12 * rig.poses[0, :3, 0])
        people.update(time, detections, rig.cameras())
        if len(people.tracks) > 1:
            return False
    return sorted(published(people)) == [1]


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _errors(**changes: object) -> Callable[[pytest.MonkeyPatch], Tracker]:
    detection = dataclasses.replace(ERRORS.detection, **changes)  # type: ignore[arg-type]
    return lambda patch: Tracker(IdentitySettings(), dataclasses.replace(ERRORS, detection=detection))


def _constant(module: object, name: str, value: object) -> Callable[[pytest.MonkeyPatch], Tracker]:
    def without(patch: pytest.MonkeyPatch) -> Tracker:
        patch.setattr(module, name, value)
        return Tracker(IdentitySettings(), ERRORS)

    return without


def _without_joint_passes(patch: pytest.MonkeyPatch) -> Tracker:
    solve = assignment.JointAssignment.solve
    patch.setattr(assignment.JointAssignment, 'solve', lambda self: solve(self, passes=0))
    return Tracker(IdentitySettings(), ERRORS)


INGREDIENTS: dict[str, tuple[Run, Callable[[pytest.MonkeyPatch], Tracker]]] = {
    'absence': (a_ghost_goes, _errors(rate=0.01)),
    'shift': (a_place_moves_to_where_no_camera_looks, _constant(belief, 'SHIFT', 0.0)),
    'bias': (a_lasting_error_is_remembered, _errors(lasting=0.001)),
    'floor': (a_view_that_errs_is_put_right_by_the_floor, _constant(footing, 'ON_FLOOR', 0.0)),
    'score': (weak_detections_of_one_view_are_not_believed, _constant(belief, 'SCORE', (0.0, -2.5, 2.0))),
    'for good': (a_person_for_good_survives_weak_scores, _constant(belief, 'SURELY', 99.0)),
    'memory': (somebody_who_returns_is_recognised, lambda patch: Tracker(IdentitySettings(memory=0.0), ERRORS)),
    'crowd': (one_detection_for_two_heads_is_no_absence, _errors(crowd_rate=1.0)),
    'one place': (a_head_that_is_found_twice_is_one_person, _constant(twins, 'REACH', 0.0)),
    'joint': (a_view_alone_is_put_right_by_the_others, _without_joint_passes),
    'posture': (posture_tells_close_people_apart, _constant(evidence, 'DEPENDENCE', 0.0)),
    'tails': (a_wild_detection_is_forgiven, _errors(tail=1e-9)),
}


@pytest.mark.parametrize('name', INGREDIENTS)
def test_with_it_it_works_and_without_it_does_not(name, monkeypatch):
    run, without = INGREDIENTS[name]
    assert run(Tracker(IdentitySettings(), ERRORS))
    assert not run(without(monkeypatch))
