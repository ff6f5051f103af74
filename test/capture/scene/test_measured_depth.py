import dataclasses

import numpy as np
import pytest
from rig_sightings import BODY

from chromm_ros.capture.scene.measured_depth import SKIN, with_measured_depth, with_measured_heads
from chromm_ros.capture.scene.surfaces import Surfaces
from chromm_ros.capture.settings import SceneSettings
from chromm_ros.flow import ViewImage
from chromm_ros.synthetic.estimates import Errors, crowd, simulate

SIZE = (48, 64)
INTRINSICS = np.array([[50.0, 0, 32], [0, 50, 24], [0, 0, 1]])
SETTINGS = SceneSettings(points_per_window=3000)


def far(count=1):
    """What a network without a scene says."""
    grid = (count, 12, 16)
    return Surfaces(
        np.full(grid, 1000.0),
        np.zeros((*grid, 2)),
        np.zeros(grid, bool),
        np.zeros((*grid, 3), np.uint8),
        np.zeros(grid),
        np.array([[64.0, 48.0]] * count),
    )


def image(depth=None):
    pixels = np.zeros((*SIZE, 3), np.uint8)
    pixels[:, 32:] = 200
    return ViewImage(pixels, 0, INTRINSICS, np.eye(4), depth)


def test_without_depth_cameras_nothing_changes():
    surfaces = far()
    assert with_measured_depth(surfaces, [image()], INTRINSICS[None], 1.0, SETTINGS) is surfaces


@pytest.mark.parametrize('scale', [1.0, 1.25])
def test_a_wall_is_where_it_was_measured_whatever_the_scale_of_the_network(scale):
    depth = np.full(SIZE, 3.0, np.float32)
    surfaces = with_measured_depth(far(), [image(depth)], INTRINSICS[None], scale, SETTINGS)
    cloud = surfaces.static_cloud(scale, np.eye(4)[None])
    assert 500 < len(cloud.points) <= 3000
    np.testing.assert_allclose(cloud.points[:, 2], 3.0, rtol=1e-5)
    assert cloud.points[:, 0].min() == pytest.approx(-3.0 * 32 / 50, abs=0.1)
    right = cloud.points[:, 0] > 0.1
    assert (cloud.colors[right] == 200).all()
    assert (cloud.colors[cloud.points[:, 0] < -0.1] == 0).all()


def test_holes_and_edges_are_no_scene_and_far_walls_neither():
    depth = np.full(SIZE, 3.0, np.float32)
    depth[:, 30:34] = np.nan
    depth[:, 48:] = 1.0
    depth[:10] = 50.0
    surfaces = with_measured_depth(far(), [image(depth)], INTRINSICS[None], 1.0, SETTINGS)
    points = surfaces.static_cloud(1.0, np.eye(4)[None]).points
    assert set(np.round(points[:, 2], 3)) == {1.0, 3.0}
    columns = points[:, 0] / points[:, 2] * 50 + 32
    assert not ((columns > 30.5) & (columns < 33.5)).any()
    assert not ((columns > 46.5) & (columns < 49.5)).any()


def test_a_camera_without_depth_beside_one_with_keeps_what_the_network_has():
    depth = np.full(SIZE, 3.0, np.float32)
    both = with_measured_depth(far(2), [image(), image(depth)], np.stack([INTRINSICS] * 2), 1.0, SETTINGS)
    assert (both.depth[0] == 1000).all()
    assert not both.static[0].any()
    assert both.static[1].all()


@pytest.fixture
def seen():
    """The people of one image, its intrinsics, and a depth image that shows their heads and a wall behind them."""
    window = simulate(crowd(2, 1, 3, 3, BODY), Errors(depth=0.1), 3, BODY).people
    true = simulate(crowd(2, 1, 3, 3, BODY), Errors(), 3, BODY)
    people, intrinsics = window.take((0, 0)), window.intrinsics[0, 0]
    order = [int(np.flatnonzero(true.person[0, 0] == who)[0]) for who in true.person[0, 0]]
    heads = true.people.take((0, 0)).head[order]
    depth = np.full((480, 640), 9.0, np.float32)
    for person in np.nonzero(people.valid)[0]:
        x, y = people.head_px[person]
        radius = 0.1 * intrinsics[0, 0] / heads[person, 2]
        rows, columns = np.mgrid[:480, :640]
        face = np.hypot(columns - x, rows - y) < radius
        depth[face] = heads[person, 2] - SKIN
    return people, heads, ViewImage(np.zeros((480, 640, 3), np.uint8), 0, intrinsics, None, depth), intrinsics


def test_heads_are_as_far_away_as_was_measured(seen):
    people, heads, view, intrinsics = seen
    found = with_measured_heads(people, view, intrinsics)
    valid = people.valid
    np.testing.assert_allclose(found.head[valid, 2], heads[valid, 2], rtol=0.01)
    np.testing.assert_allclose(found.head[valid] / found.head[valid, 2:], people.head[valid] / people.head[valid, 2:])


@pytest.mark.parametrize('change', ['holes', 'wall', 'none', 'lens cap'])
def test_heads_stay_where_nothing_that_can_be_them_was_measured(seen, change):
    people, _, view, intrinsics = seen
    depths = {
        'holes': np.full_like(view.depth, np.nan),
        'wall': np.full_like(view.depth, 60.0),
        'lens cap': np.full_like(view.depth, 0.05),
        'none': None,
    }
    found = with_measured_heads(people, dataclasses.replace(view, depth=depths[change]), intrinsics)
    np.testing.assert_array_equal(found.head, people.head)
