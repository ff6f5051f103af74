"""Rooms and rigs: furniture stands where it may, cameras look into the room."""

import numpy as np
import pytest

from chromm_ros.synthetic.rigs import Rig
from chromm_ros.synthetic.rooms import WALL_HUES, Room

SEEDS = range(30)


def room_of(seed, domain='studio'):
    return Room.sample(np.random.default_rng(seed), domain)


def test_a_domain_that_is_not_known():
    with pytest.raises(ValueError, match='studio, generic'):
        room_of(0, 'outdoors')


@pytest.mark.parametrize('seed', SEEDS)
def test_the_walls_of_a_studio_tell_where_one_looks(seed):
    walls = room_of(seed).surfaces[2:6, :3]
    distance = np.linalg.norm(
        walls[:, None] / walls.max(1)[:, None, None] - WALL_HUES / WALL_HUES.max(1)[:, None], axis=-1
    )
    np.testing.assert_array_equal(distance.argmin(1), range(4))


def test_the_walls_of_a_generic_room_do_not():
    walls = np.stack([room_of(seed, 'generic').surfaces[2:6, :3] for seed in SEEDS])
    assert np.linalg.norm(walls.mean(0) - walls.mean((0, 1)), axis=-1).max() < 0.25


@pytest.mark.parametrize('seed', SEEDS)
def test_furniture_lies_in_the_room_and_leaves_the_door_free(seed):
    room = room_of(seed)
    assert room.contains(room.boxes[:, :2]).all()
    inside, outside = room.doorway
    assert room.contains(inside)
    assert not room.contains(outside)
    along_the_wall = room.boxes[room.boxes[:, 6] == 0]
    assert len(along_the_wall) == 0 or room.clearance(inside) > -0.2


def test_clearance_is_the_distance_from_furniture():
    room = room_of(4)
    box = room.boxes[0]
    assert room.clearance(box[:2]) < 0
    for angle in np.linspace(0, 2 * np.pi, 9):
        near = box[:2] + 0.01 * np.array([np.cos(angle), np.sin(angle)])
        assert abs(room.clearance(near) - room.clearance(box[:2])) <= 0.0101  # a distance changes by a step at most
    stool = np.array([[1.0, 1.0, 0.4]])
    seat = np.array([[1, 1, 0.18, 0.18, 0, 0.4, 0]])
    furnished = Room(room.half, seat, stool, room.surfaces, room.door, room.light, room.light_color)
    assert furnished.clearance(np.array([2.0, 1.0])) == pytest.approx(0.82)
    assert furnished.clearance(np.array([2.0, 1.0]), ignore_stools=True) == np.inf


@pytest.mark.parametrize('views', [1, 4, 8])
@pytest.mark.parametrize('moving', [False, True])
def test_cameras_stand_in_the_room_and_look_into_it(views, moving):
    times = np.array([0.0, 1.0, 5.0])
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        room = Room.sample(rng)
        rig = Rig.sample(rng, room, views, (192, 144), moving)
        poses = rig.world_from_camera(times)
        assert poses.shape == (views, 3, 4, 4)
        rotation, place = poses[..., :3, :3], poses[..., :3, 3]
        np.testing.assert_allclose(
            rotation @ rotation.swapaxes(-1, -2), np.broadcast_to(np.eye(3), rotation.shape), atol=1e-9
        )
        assert (np.linalg.det(rotation) > 0).all()
        assert room.contains(place[..., :2]).all()
        assert (place[..., 2] > 1.2).all()
        assert (place[..., 2] < room.half[2]).all()
        middle = np.array([0, 0, 0.85]) - place
        ahead = np.einsum('vtij,vti->vtj', rotation, middle)  # in the camera's frame
        assert (ahead[..., 2] > 0.7 * np.linalg.norm(middle, axis=-1)).all()
        assert (rotation[..., 2, 1] < 0).all()  # the image's down points down in the world
        assert np.ptp(place, axis=1).max() == pytest.approx(0, abs=0.25 if moving else 1e-12)
        assert moving == (np.ptp(place, axis=1).max() > 0.01)


def test_a_rig_of_nine():
    room = room_of(0)
    with pytest.raises(ValueError, match='1 to 8'):
        Rig.sample(np.random.default_rng(0), room, 9, (192, 144))
