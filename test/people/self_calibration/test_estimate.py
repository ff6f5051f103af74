import numpy as np
import pytest
from rig_sightings import LIMBS, errors, priors, sightings, walkers

from chromm_ros.geometry.similarity import align_rigs
from chromm_ros.people.self_calibration.estimate import estimate


@pytest.mark.parametrize(('views', 'people', 'focal'), [(4, 2, 1.0), (2, 3, 1.0), (4, 2, 1.2)])
def test_cameras_are_found_from_people(views, people, focal):
    stage = walkers(views, people, seed=5)
    found = estimate(sightings(stage, 5), priors(stage, focal), LIMBS)
    assert found.views == tuple(f'camera{v}' for v in range(views))
    place, turn = errors(found.poses, stage)
    assert place < 0.1
    assert turn < 2.0
    assert found.cameras.adjusted_intrinsics[:, 0, 0] == pytest.approx(stage.intrinsics[:, 0, 0], rel=0.08)


def test_neither_the_order_of_cameras_nor_of_people_matters():
    stage = walkers(3, 2, seed=6)
    seen, known = sightings(stage, 6), priors(stage)
    one = estimate(seen, known, LIMBS)
    turned = [
        type(sighting)(
            sighting.stamp,
            {
                view: type(people)(people.pixels[::-1], people.weights[::-1], people.shapes[::-1], people.image_size)
                for view, people in reversed(sighting.views.items())
            },
        )
        for sighting in seen
    ]
    other = estimate(turned, dict(reversed(known.items())), LIMBS)
    views = list(known)
    first, second = (np.stack([result.poses[view] for view in views]) for result in (one, other))
    moved = align_rigs(first, second).apply_poses(first)
    assert np.allclose(moved, second, atol=0.02)


def test_a_half_calibrated_rig_stays_in_its_world():
    stage = walkers(seed=7)
    found = estimate(sightings(stage, 7), priors(stage, given=(1, 2)), LIMBS)
    apart = np.linalg.norm(found.cameras.poses[:, :3, 3] - stage.world_from_camera[:, 0, :3, 3], axis=-1)
    assert (apart[[1, 2]] == 0).all()
    assert apart.max() < 0.15


def test_a_camera_that_sees_nobody_is_left_out():
    stage = walkers(3, 2, seed=8)
    seen = [
        type(sighting)(sighting.stamp, {v: p for v, p in sighting.views.items() if v != 'camera1'})
        for sighting in sightings(stage, 8)
    ]
    assert estimate(seen, priors(stage), LIMBS).views == ('camera0', 'camera2')


@pytest.mark.parametrize('count', [0, 1])
def test_nothing_to_go_by_gives_no_rig(count):
    stage = walkers(2, 1)
    lonely = [
        type(sighting)(sighting.stamp, {'camera0': sighting.views['camera0']}) for sighting in sightings(stage, 0)
    ]
    assert estimate(lonely[:count], priors(stage), LIMBS) is None
