"""Samples of the point maps: static points, what hides what, what is looked through."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from chromm_ros.capture.scene.surfaces import sample_surfaces, seen_through, without_people
from chromm_ros.capture.scene.visibility import joint_visibility
from chromm_ros.capture.settings import SceneSettings
from chromm_ros.flow import Cloud
from chromm_ros.geometry.cameras import pixel_rays

H, W = 48, 64
K = np.array([[60.0, 0, 32], [0, 60.0, 24], [0, 0, 1]])


def geometry_of(depth: np.ndarray, person: np.ndarray | None = None, confidence: np.ndarray | None = None):
    rays = pixel_rays(K, H, W)
    points = np.concatenate([rays * depth[..., None], depth[..., None]], -1)[None]
    mask = np.zeros((H, W), bool) if person is None else person
    return SimpleNamespace(
        local_points=torch.as_tensor(points, dtype=torch.float32),
        human_mask=torch.as_tensor(mask)[None],
        confidence=None if confidence is None else torch.as_tensor(confidence)[None],
    )


def surfaces_of(geometry, image: np.ndarray | None = None, **settings):
    image = np.zeros((96, 128, 3), np.uint8) if image is None else image
    return sample_surfaces(geometry, slice(0, 1), [image], SceneSettings(**settings))


def slanted() -> np.ndarray:
    """A floor 1.5 m below a camera that looks 30 degrees down."""
    rays = pixel_rays(K, H, W)
    down = rays[..., 1] * np.cos(0.52) + np.sin(0.52)
    return 1.5 / np.maximum(down, 0.05)


def test_a_slanted_floor_has_no_edges_and_a_step_has():
    assert surfaces_of(geometry_of(slanted())).static.mean() > 0.9
    step = np.full((H, W), 4.0)
    step[:, W // 2 :] = 2.0
    static = surfaces_of(geometry_of(step)).static[0]
    assert not static[:, W // 2 - 1 : W // 2 + 1].any()
    assert static[:, : W // 2 - 2].all()


def test_people_the_far_and_the_doubtful_are_left_out():
    person = np.zeros((H, W), bool)
    person[10:20, 10:20] = True
    static = surfaces_of(geometry_of(np.full((H, W), 3.0), person)).static[0]
    assert not static[8:22, 8:22].any()
    assert static[30:, 30:].all()
    assert not surfaces_of(geometry_of(np.full((H, W), 30.0)), range=20.0).static.any()
    confidence = np.full((H, W), 0.05, np.float32)
    assert not surfaces_of(geometry_of(np.full((H, W), 3.0), confidence=confidence), confidence=0.1).static.any()


@pytest.mark.parametrize('count', [100, 1000, 100000])
def test_no_more_points_than_asked_for_and_each_at_its_place(count):
    image = np.zeros((96, 128, 3), np.uint8)
    image[:, 64:] = 200
    surfaces = surfaces_of(geometry_of(np.full((H, W), 3.0)), image, points_per_window=count)
    cloud = surfaces.static_cloud(2.0, np.eye(4)[None])
    assert len(cloud.points) <= count
    np.testing.assert_allclose(cloud.points[:, 2], 6.0, atol=1e-5)
    assert np.array_equal(cloud.colors[:, 0] > 0, cloud.points[:, 0] > 0)


def test_depth_is_looked_up_in_camera_pixels():
    depth = np.full((H, W), 4.0)
    depth[:, W // 2 :] = 2.0
    surfaces = surfaces_of(geometry_of(depth))
    pixels = np.array([[[10.0, 10.0], [120.0, 10.0], [-1.0, 5.0], [128.5, 5.0]]])
    np.testing.assert_allclose(surfaces.depth_at(pixels), [[4.0, 2.0, np.nan, np.nan]])


def test_people_are_cut_out_above_the_floor_they_stand_on():
    points = np.array([[0, 0, 0.0], [0, 0, 1.0], [0.2, 0, 1.7], [1.5, 0, 1.0]], np.float32)
    cloud = Cloud(points, np.zeros((4, 3), np.uint8), np.ones(4, np.float32))
    joints = np.array([[0, 0, 0.06], [0, 0, 1.6]])
    left = without_people(cloud, [SimpleNamespace(joints=joints)]).points
    np.testing.assert_allclose(left, points[[0, 3]])
    np.testing.assert_allclose(without_people(cloud, []).points, points)


def test_joints_behind_the_scene_are_hidden():
    depth = np.full((H, W), 4.0)
    depth[:, : W // 2] = 1.0
    surfaces = surfaces_of(geometry_of(depth))
    scaled = K * [[2], [2], [1]]
    joints = np.array([[[-0.5, 0, 2.0], [0.5, 0, 2.0], [0.5, 0, 4.2], [0, 0, -1.0], [9.0, 0.3, 2.0]]])
    seen = joint_visibility(joints, surfaces, 1.0, scaled[None], np.eye(4)[None], 0.35)
    assert seen.visible[0, 0].tolist() == [False, True, True, False, False]
    assert seen.fraction(0, 0) == pytest.approx(0.4)
    x, y, width, height = seen.box(0, 0)  # from the joint at the left to the edge of the image
    assert (x, y, x + width, y + height) == (34, 48, 128, 66)


def test_no_joint_in_front_gives_no_box():
    surfaces = surfaces_of(geometry_of(np.full((H, W), 4.0)))
    behind = np.array([[[0, 0, -2.0]]])
    seen = joint_visibility(behind, surfaces, 1.0, K[None], np.eye(4)[None], 0.35)
    assert seen.box(0, 0) == (0, 0, 0, 0)


def test_looking_through():
    surfaces = surfaces_of(geometry_of(np.full((H, W), 4.0)))
    scaled = K * [[2], [2], [1]]
    points = np.array([[0, 0, 2.0], [0, 0, 4.0], [0, 0, 6.0], [0, 0, -2.0], [20.0, 0, 2.0]])
    through = seen_through(points, surfaces, 1.0, scaled[None], np.eye(4)[None])
    assert through.tolist() == [True, False, False, False, False]
    assert seen_through(points, surfaces, 0.5, scaled[None], np.eye(4)[None]).tolist() == [False] * 5
