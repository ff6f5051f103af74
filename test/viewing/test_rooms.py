import numpy as np
import pytest

from chromm_ros.flow import Cloud
from chromm_ros.viewing.rooms import SIDES, Room, muted, point_size


def room(turn=0.0, width=6.0, depth=4.0):
    """(N, 3) points of four walls and a floor, turned about z [rad]."""
    generator = np.random.default_rng(0)
    along, height = generator.uniform(-0.5, 0.5, 4000), generator.uniform(0.3, 2.4, 4000)
    side = np.arange(4000) % 4
    x = np.choose(side, [width * along, width * along, np.full(4000, width / 2), np.full(4000, -width / 2)])
    y = np.choose(side, [np.full(4000, depth / 2), np.full(4000, -depth / 2), depth * along, depth * along])
    floor = generator.uniform((-width / 2, -depth / 2, 0), (width / 2, depth / 2, 0.05), (3000, 3))
    points = np.concatenate([np.stack([x, y, height], -1), floor])
    cosine, sine = np.cos(turn), np.sin(turn)
    return points @ np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]])


@pytest.mark.parametrize('turn', [0.0, 0.4, 1.2])
def test_the_wall_before_the_viewer_is_left_out_and_the_one_behind_the_room_stays(turn):
    points = room(turn)
    strays = np.random.default_rng(1).uniform(-30, 30, (20, 3))
    found = Room.around(np.concatenate([points, strays]))
    parts = found.parts(points)
    direction = np.array([np.sin(turn), -np.cos(turn), 0.0])
    hidden = np.append(found.hiding(9.0 * direction + (0, 0, 4.0)), False)[parts]
    nearer = points @ direction
    assert hidden[(nearer > 1.9) & (points[:, 2] > 0.2)].mean() > 0.95
    assert not hidden[nearer < 1.4].any()
    assert (parts[points[:, 2] < 0.1] == SIDES).all()  # the floor


def test_from_inside_no_wall_is_left_out():
    assert not Room.around(room()).hiding(np.array([1.0, 0.5, 1.7])).any()


def test_points_are_as_large_as_the_scene_is_sparse():
    def grid(step):
        side = np.arange(0, 2, step)
        places = np.stack(np.meshgrid(side, side, [0.0]), -1).reshape(-1, 3).astype(np.float32)
        return Cloud(places, np.zeros((len(places), 3), np.uint8), np.ones(len(places), np.float32))

    assert point_size(grid(0.02)) < point_size(grid(0.04)) <= 0.04
    assert point_size(Cloud.empty()) > 0


def test_a_muted_scene_is_less_colourful():
    colors = np.array([[255, 0, 0], [0, 80, 200]], np.uint8)
    assert (np.ptp(muted(colors), axis=1) < 0.6 * np.ptp(colors, axis=1)).all()
