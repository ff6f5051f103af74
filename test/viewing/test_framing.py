import numpy as np
import pytest

from chromm_ros.viewing.framing import FOV, overview


def camera(x, y, z, target=(0.0, 0.0, 1.0)):
    """(4, 4) of a camera that looks at a target."""
    pose = np.eye(4)
    forward = np.array(target) - (x, y, z)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], 1)
    pose[:3, 3] = x, y, z
    return pose


RING = [camera(3 * np.cos(angle), 3 * np.sin(angle), 2.0) for angle in (0.0, 1.0, 2.0, 3.0)]


def test_all_cameras_and_the_middle_of_the_room_are_in_the_picture():
    found = overview(RING)
    forward = found.center - found.position
    forward /= np.linalg.norm(forward)
    for point in [pose[:3, 3] for pose in RING] + [np.array([0, 0, 1.0])]:
        ray = (point - found.position) / np.linalg.norm(point - found.position)
        assert np.arccos(ray @ forward) <= 0.5 * FOV + 1e-6


def test_one_looks_through_the_gap_between_the_cameras_from_above():
    found = overview(RING)
    azimuth = np.arctan2(*(found.position - found.center)[1::-1])
    nearest = min(abs((azimuth - angle + np.pi) % (2 * np.pi) - np.pi) for angle in (0.0, 1.0, 2.0, 3.0))
    assert nearest > 0.8
    assert found.position[2] > 3.0


def test_a_rig_that_lies_elsewhere_is_looked_at_there():
    shift = np.array([10.0, -4.0, 1.0])
    moved = []
    for pose in RING:
        moved.append(pose.copy())
        moved[-1][:3, 3] += shift
    here, there = overview(RING), overview(moved)
    np.testing.assert_allclose(there.position, here.position + shift)
    assert there.far_from(here)
    assert not here.far_from(here)


@pytest.mark.parametrize('count', [0, 1, 2])
def test_small_rigs(count):
    found = overview(RING[:count])
    assert (found is None) == (count == 0)
    if found is not None:
        assert np.isfinite(found.position).all()
        assert np.linalg.norm(found.position - found.center) > 1.0
