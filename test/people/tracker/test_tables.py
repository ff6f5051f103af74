"""From what the views say to the table that the tracker reads."""

import numpy as np
import pytest

from chromm_ros.body.model import BodyModel
from chromm_ros.people.observations import usable
from chromm_ros.people.tracker import CameraViews, HeadDetections
from chromm_ros.skeleton import HEAD
from chromm_ros.synthetic.estimates import Errors, crowd, simulate


@pytest.fixture(scope='module')
def estimates():
    body = BodyModel.load()
    return simulate(crowd(3, 2, 4, 0, body), Errors(), 0, body)


def test_detections_are_where_their_people_are(estimates):
    people = estimates.people
    mask, _ = usable(people, 0.15)
    table = HeadDetections.of(people, mask)
    assert len(table) == mask[:, -1].sum()
    person = estimates.person[table.view, -1, table.row]
    true = estimates.stage.truth.joints[-1, person]
    np.testing.assert_allclose(table.point, true[:, HEAD], atol=1e-3)
    np.testing.assert_allclose(table.posture, (true - true[:, HEAD, None])[:, :22], atol=0.02)
    np.testing.assert_allclose(np.linalg.norm(table.ray, axis=1), 1)
    first = HeadDetections.of(people, mask, step=0)
    np.testing.assert_allclose(
        first.point, estimates.stage.truth.joints[0, estimates.person[first.view, 0, first.row], HEAD], atol=1e-3
    )


@pytest.mark.parametrize('field', ['head', 'head_px', 'betas', 'root_rotation', 'canonical_joints', 'score'])
def test_a_detection_with_nan_never_reaches_the_tracker(estimates, field):
    people = estimates.people
    view, row = np.argwhere(people.valid[:, -1])[0]
    broken = getattr(people, field).copy()
    broken[view, -1, row] = np.nan
    spoiled = type(people)(**{**vars(people), field: broken})
    mask, dropped = usable(spoiled, 0.15)
    table = HeadDetections.of(spoiled, mask)
    assert dropped['not finite'] == 1
    assert len(table) == people.valid[:, -1].sum() - 1
    assert all(np.isfinite(getattr(table, name)).all() for name in ('ray', 'distance', 'betas', 'posture', 'score'))


def test_a_camera_without_an_image_sees_nothing_and_unknown_depth_hides_nothing():
    pose = np.eye(4)
    sizes, depth = np.array([[192.0, 144.0]] * 2), np.full((2, 3, 4), np.nan)
    cameras = CameraViews(
        np.tile([[160.0, 0, 96], [0, 160.0, 72], [0, 0, 1]], (2, 1, 1)), np.stack([pose, pose]), sizes, depth,
        np.array([True, False]), np.full(2, 0.01),
    )  # fmt: skip
    seen = cameras.look_at(np.array([[0.0, 0, 2], [0, 0, -2], [50, 0, 2]]))
    assert seen.inside.tolist() == [[True, False, False], [False, False, False]]
    assert not (seen.behind < 0).any()
    np.testing.assert_allclose(seen.pixels[0, 0], [96, 72])
