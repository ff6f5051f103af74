"""Body shapes of the free body agree with the joints and meshes that they stand for."""

import dataclasses

import numpy as np
import pytest
import torch
from standins import StandInBody, human

from chromm_ros.body.model import BodyModel
from chromm_ros.ros.outputs.body_shapes import BodyShapeCache, body_shapes_of, meshes_of
from chromm_ros.skeleton import HEAD


@pytest.fixture(scope='module')
def body():
    return BodyModel.load()


def posed(body, identity=1):
    """A human whose joints are those of the body at rest, somewhere in the room."""
    person = human(identity, 0)
    root = torch.as_tensor(person.root_rotation, dtype=torch.float32)
    pose = torch.eye(3).expand(52, 3, 3)
    joints = body.joints(torch.zeros(10), pose, root).numpy() + np.array([1.0, 2.0, 1.0])
    return type(person)(**{**vars(person), 'joints': joints, 'head': joints[HEAD]})


def test_solids_hold_the_skin(body):
    person = posed(body)
    found = body_shapes_of([person], body)
    (skin,) = meshes_of([person], body)
    away = np.linalg.norm(skin[:, :2] - found.cylinder_base[0, :2], axis=1)
    assert away.max() <= found.cylinder_radius[0] + 1e-4
    assert skin[:, 2].min() >= found.cylinder_base[0, 2] - 1e-4
    assert skin[:, 2].max() <= found.cylinder_base[0, 2] + found.cylinder_height[0] + 1e-4
    assert found.height[0] == pytest.approx(np.ptp(skin[:, 2]), abs=0.02)


def test_capsules_run_along_the_bones(body):
    person = posed(body)
    found = body_shapes_of([person], body)
    np.testing.assert_allclose(found.capsule_ends[0, :, 1], person.joints[found.capsule_joint], atol=1e-5)


def test_transl_places_the_pelvis_as_smplx_does(body):
    person = posed(body)
    rest_pelvis = body.rest_joints(torch.zeros(10))[0].numpy()
    np.testing.assert_allclose(body_shapes_of([person], body).transl[0] + rest_pelvis, person.joints[0], atol=1e-5)


def test_tailor_measures_again_only_when_the_shape_changes(body):
    cache = BodyShapeCache(body)
    person = posed(body)
    first = body_shapes_of([person], body, cache)
    bigger = dataclasses.replace(person, betas=np.full(10, 1.0))
    grown = body_shapes_of([bigger, posed(body, 2)], body, cache)
    fresh = body_shapes_of([bigger, posed(body, 2)], body)
    np.testing.assert_allclose(grown.capsule_radius, fresh.capsule_radius)
    np.testing.assert_allclose(grown.height, fresh.height)
    nearly = dataclasses.replace(bigger, betas=bigger.betas + 0.04)
    kept = body_shapes_of([nearly], body, cache).capsule_radius[0]
    np.testing.assert_array_equal(kept, grown.capsule_radius[0])
    np.testing.assert_allclose(kept, body_shapes_of([nearly], body).capsule_radius[0], atol=2e-3)
    assert not np.allclose(first.capsule_radius[0], kept)


def test_nobody_and_some_of_several(body):
    assert body_shapes_of([], body).joints.shape == (0, 55, 3)
    assert meshes_of([], body).shape[0] == 0
    both = body_shapes_of([posed(body, 1), posed(body, 2)], body)
    assert both.of([1]).capsule_radius.shape == (1, both.capsule_radius.shape[1])


@pytest.mark.parametrize('depth', [0.05, 0.3])
def test_nobody_sinks_into_the_floor_and_nobody_grows(depth):
    shapes = body_shapes_of([human(1, 0), human(2, 1)], StandInBody())
    floor = float(shapes.cylinder_base[0, 2]) + depth
    standing = shapes.above(floor)
    np.testing.assert_allclose(standing.cylinder_base[:, 2], floor, atol=1e-6)
    top = shapes.cylinder_base[:, 2] + shapes.cylinder_height
    np.testing.assert_allclose(standing.cylinder_base[:, 2] + standing.cylinder_height, top, atol=1e-6)
    held = standing.capsule_radius > 0
    assert ((standing.capsule_ends[..., 2] - standing.capsule_radius[..., None])[held] >= floor - 1e-6).all()
    high = shapes.capsule_ends[..., 2] - shapes.capsule_radius[..., None] >= floor
    np.testing.assert_array_equal(standing.capsule_ends[high], shapes.capsule_ends[high])


@pytest.mark.parametrize('floor', [float('nan'), -5.0, 5.0])
def test_an_unknown_or_another_floor_changes_nothing(floor):
    shapes = body_shapes_of([human(1, 0)], StandInBody())
    assert shapes.above(floor) is shapes
