"""Identities through a capture: states, merges, tracklets, predictions."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from captures import capture_of, run
from head_rig import ERRORS, HeadRig
from truthful_studio import Studio, nanoseconds, ring, standing

from chromm_ros.body.model import BodyModel
from chromm_ros.capture.identity.humans import extrapolated
from chromm_ros.capture.identity.identities import Identities
from chromm_ros.capture.identity.motion import Motion, Turn
from chromm_ros.flow import HumanState, Snapshot
from chromm_ros.people import PeopleSettings
from chromm_ros.people.tracker import CameraViews, IdentitySettings
from chromm_ros.people.tracker.detectability import clear_view
from chromm_ros.people.tracker.kinematics import WalkingModel
from chromm_ros.synthetic.estimates import Errors, crowd, simulate


def states(snapshot: Snapshot) -> dict[int, HumanState]:
    return {human.id: human.state for human in snapshot.humans}


def test_somebody_is_lost_once_and_found_again_with_the_same_id():
    studio = Studio([lambda time: None if 3 <= time < 6 else np.array([0.5, 0.3, 1.6])])
    seen = [states(snapshot) for snapshot in run(capture_of(studio), studio, 0, 9)]
    assert seen[8] == {1: HumanState.TRACKED}
    assert sum(HumanState.LOST in state.values() for state in seen) == 1
    assert seen[-1] == {1: HumanState.TRACKED}
    assert all(set(state) <= {1} for state in seen)


def test_somebody_whom_no_camera_looks_at_is_predicted():
    """The cameras that see one of two people fail: nobody can say that this one left."""
    studio = Studio([standing(0.5, 0.0), standing(-1.0, 0.8)])
    capture = capture_of(studio, blind={(3, 0)})
    before = run(capture, studio, 0, 3)[-1]
    assert set(states(before).values()) == {HumanState.TRACKED}
    after = run(capture, studio, 3, 3.25, without=studio.views[:3])[-1]
    predicted = next(human for human in after.humans if human.state is HumanState.PREDICTED)
    known = next(human for human in before.humans if human.id == predicted.id)
    assert predicted.confidence <= known.confidence
    assert predicted.observations == ()
    assert predicted.last_observed == before.stamp


@pytest.mark.parametrize('state', [HumanState.PREDICTED, HumanState.TRACKED])
def test_the_way_of_somebody_unseen_ends_before_what_a_camera_sees_to_be_empty(state):
    """Beyond the edge of the only image, on the way into it: extrapolated, the person stays outside while unseen."""
    rig = HeadRig()
    rig.poses = rig.poses[:1]
    middle, right = np.array([0, 0, 1.6]), rig.poses[0, :3, 0]
    edge = next(x for x in np.arange(0, 6, 0.01) if not clear_view((middle + x * right)[None], rig.cameras(), ERRORS))
    start = middle + (edge + 0.2) * right
    studio = Studio([standing(0.5, 0.3)])
    (human,) = run(capture_of(studio), studio, 0, 1)[-1].humans
    human = dataclasses.replace(human, state=state, head=start)
    motion = Motion(0, start, -1.5 * right, 0.01 * np.eye(6), Turn.begin(human.root_rotation))
    for seconds in (0.1, 0.3, 1.0, 3.0):
        later = extrapolated(human, motion, nanoseconds(seconds), WalkingModel(), rig.cameras(), ERRORS)
        entered = bool(clear_view(later.head[None], rig.cameras(), ERRORS)[0])
        assert entered == (state is HumanState.TRACKED and seconds >= 0.3)
        assert (later.head - start) @ right <= 0


def test_tracklets_last_as_long_as_a_view_sees_the_person():
    studio = Studio([standing(0.5, 0.3)])
    capture = capture_of(studio)
    first = run(capture, studio, 0, 2)
    numbers = [{seen.view: seen.tracklet for human in s.humans for seen in human.observations} for s in first]
    assert all(one == numbers[0] for one in numbers)
    run(capture, studio, 2, 4, without=['camera1'])
    (human,) = run(capture, studio, 4, 4.25)[-1].humans
    again = {seen.view: seen.tracklet for seen in human.observations}
    assert again['camera1'] != numbers[0]['camera1']
    assert again['camera0'] == numbers[0]['camera0']


def test_a_merge_is_told_once_and_the_first_observation_is_the_older_one():
    studio = Studio([standing(0.5, 0), lambda time: np.array([-1, 1, 1.6]) if time >= 1 else None])
    capture = capture_of(studio)
    run(capture, studio, 0, 3)
    capture.merge(2, [1])
    told, silent = run(capture, studio, 3, 3.5)
    kept = next(human for human in told.humans if human.id == 2)
    assert kept.absorbed == (1,)
    assert kept.first_observed == 0
    assert HumanState.LOST not in states(told).values()
    assert all(human.absorbed == () for human in silent.humans)
    with pytest.raises(ValueError, match='name one person to keep'):
        capture.merge(2, [1])


def test_confidence_is_belief_and_falls_where_cameras_see_nobody():
    studio = Studio([lambda time: np.array([0.5, 0.3, 1.6]) if time < 3 else None], rig=ring(4))
    confidences = [
        human.confidence for snapshot in run(capture_of(studio), studio, 0, 5) for human in snapshot.humans
    ]
    assert max(confidences) > 0.9
    assert confidences[-1] < 0.5  # the last message with the id


def test_the_rotation_of_the_body_and_its_covariance_are_filtered():
    studio = Studio([standing(0.5, 0.3)])
    (human,) = run(capture_of(studio, noise=0.02), studio, 0, 4)[-1].humans
    np.testing.assert_allclose(human.root_rotation @ human.root_rotation.T, np.eye(3), atol=1e-9)
    assert (np.linalg.eigvalsh(human.covariance) > 0).all()
    assert np.linalg.norm(human.angular_velocity) < 0.5


@pytest.mark.parametrize('name', ['head', 'head_px', 'pose', 'root_rotation', 'betas', 'canonical_joints', 'score'])
def test_ids_survive_detections_of_nan(name):
    """In every other image set one view says NaN of everybody, and once all views do."""
    body = BodyModel.load()
    stage = crowd(4, 12, 3, 0, body, interval=0.25)
    window = simulate(stage, Errors(), 0, body).people
    identities = Identities(IdentitySettings(), ERRORS, lambda betas, pose: posed(body, betas, pose))
    seen = []
    for step in range(12):
        at = slice(step, step + 1)
        bad = (4 if step == 7 else 1) if step % 2 else 0  # views
        values = {key: array.copy() for key, array in window.take(np.s_[:, at]).detections().items()}
        values[name][:bad] = np.nan
        people = dataclasses.replace(
            window,
            **values,
            intrinsics=window.intrinsics[:, at],
            world_from_camera=window.world_from_camera[:, at],
            given=window.given[:, at],
            seen=window.seen[:, at],
            times=np.zeros(1),
        )
        cameras = CameraViews(
            people.intrinsics[:, 0], people.world_from_camera[:, 0],
            np.tile(np.array(stage.image_size, float), (4, 1)), np.full((4, 3, 4), 30.0),
            np.ones(4, bool), np.full(4, 0.01),
        )  # fmt: skip
        identities.update(nanoseconds(0.25 * step), people, cameras, PeopleSettings(), body, floor=0.0)
        assert identities.dropped['not finite'] == (
            0 if step % 2 == 0 else people.valid[: 4 if step == 7 else 1].sum()
        )
        published = [person for person in identities.people if person.published]
        assert all(np.isfinite(person.motion.head).all() for person in published)
        seen.append({person.id for person in published})
    assert seen[-1] == {1, 2, 3}
    assert set().union(*seen) == {1, 2, 3}


def posed(body, betas, pose):
    shape, theta = torch.as_tensor(betas, dtype=torch.float32), torch.as_tensor(pose, dtype=torch.float32)
    return body.joints(shape, theta).numpy(), body.joint_rotations(theta).numpy()
