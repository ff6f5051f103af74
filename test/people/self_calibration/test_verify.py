"""A rig that is published is right; one that is not says why, for whatever may be wrong with a room."""

from dataclasses import replace

import numpy as np
import pytest
import roma
import torch
from rig_sightings import LIMBS, errors, landmarks, priors, sightings, walkers

from chromm_ros.people.self_calibration.sightings import Sighting
from chromm_ros.people.self_calibration.verify import calibrate


def standing(stage):
    """Everybody keeps the place and pose of the first time."""
    marks = landmarks(stage)
    return np.broadcast_to(marks[:1], marks.shape)


def only(seen, shown):
    """``shown``: view -> which of the lists of sightings in ``seen`` it sees."""
    return [
        Sighting(seen[0][t].stamp, {view: seen[n][t].views[view] for view, n in shown.items()})
        for t in range(len(seen[0]))
    ]


def problems(found):
    return ' '.join(filter(None, (check.problem for check in found.checks.values())))


def test_a_walk_through_all_cameras_is_enough():
    stage = walkers(seed=10)
    found = calibrate(sightings(stage, 10), priors(stage), LIMBS)
    assert found.verified
    assert not problems(found)
    place, turn = errors(found.world_from_camera, stage)
    assert place < 0.08
    assert turn < 1.5
    assert all(check.miss_px < 8 and check.seen > 0.8 for check in found.checks.values())
    heights = [found.world_from_camera[f'camera{v}'][2, 3] for v in range(4)]
    sizes = align_sizes(found, stage)
    assert np.allclose(np.array(heights) * sizes, stage.world_from_camera[:, 0, 2, 3], atol=0.3)
    assert 0.01 < found.scale_error < 0.1
    assert abs(np.log(sizes)) < 4 * found.scale_error


def align_sizes(found, stage):
    """The true size of the rig over the one that was found."""
    centres = [
        np.stack([pose[:3, 3] for pose in poses])
        for poses in (found.world_from_camera.values(), stage.world_from_camera[:, 0])
    ]
    return float(np.divide(*(np.linalg.norm(c - c.mean(0)) for c in centres[::-1])))


def test_given_poses_set_the_world_and_are_not_put_to_the_test():
    stage = walkers(seed=11)
    found = calibrate(sightings(stage, 11), priors(stage, given=(0, 3)), LIMBS)
    assert found.verified
    assert found.scale_error == 0
    assert found.level is None
    assert np.array_equal(found.world_from_camera['camera3'], stage.world_from_camera[3, 0])
    assert np.isnan(found.checks['camera0'].miss)


def test_the_first_times_alone_are_refused_however_well_they_fit():
    stage = walkers(seed=10)
    found = calibrate(sightings(stage, 10)[:5], priors(stage), LIMBS)
    assert not found.world_from_camera
    assert 'of the 6 times' in problems(found)


@pytest.mark.parametrize('views', [2, 4])
def test_people_who_stand_still_give_no_rig(views):
    stage = walkers(views, 1, seed=12)
    found = calibrate(sightings(stage, 12, marks=standing(stage)), priors(stage), LIMBS)
    assert not found.world_from_camera
    assert 'stood still' in problems(found) or 'too few places' in problems(found)


@pytest.mark.parametrize('still', [False, True])
def test_cameras_that_never_see_the_same_person_are_not_tied(still):
    stages = [walkers(3, 1, seed=seed) for seed in (13, 14, 15)]
    one = stages[0]
    seen = [
        sightings(
            replace(stage, world_from_camera=one.world_from_camera), 1, marks=standing(stage) if still else None
        )
        for stage in stages
    ]
    found = calibrate(only(seen, {f'camera{v}': v for v in range(3)}), priors(one), LIMBS)
    assert not found.world_from_camera
    assert all(check.problem for check in found.checks.values())


def test_two_pairs_of_cameras_in_two_rooms_are_not_tied_to_each_other():
    one, other = walkers(seed=16, people=1), walkers(seed=17, people=1)
    seen = [sightings(replace(stage, world_from_camera=one.world_from_camera), 2) for stage in (one, other)]
    found = calibrate(only(seen, {'camera0': 0, 'camera1': 0, 'camera2': 1, 'camera3': 1}), priors(one), LIMBS)
    assert not found.verified
    assert set(found.world_from_camera) in ({'camera0', 'camera1'}, {'camera2', 'camera3'}, set())


def test_one_camera_has_nothing_to_be_tied_to():
    stage = walkers(1, 2, seed=18)
    found = calibrate(sightings(stage, 18), priors(stage), LIMBS)
    assert not found.world_from_camera
    assert 'another camera' in problems(found)


def test_a_camera_without_people_or_images_is_named_with_what_to_do():
    stage = walkers(4, 2, seed=27)
    seen = sightings(stage, 27)
    nobody = {
        view: replace(p, pixels=p.pixels[:0], weights=p.weights[:0], shapes=p.shapes[:0])
        for view, p in seen[0].views.items()
    }
    blind = [
        Sighting(
            s.stamp, {'camera0': s.views['camera0'], 'camera1': s.views['camera1'], 'camera2': nobody['camera2']}
        )
        for s in seen
    ]
    found = calibrate(blind, priors(stage), LIMBS)
    assert set(found.world_from_camera) == {'camera0', 'camera1'}
    assert 'walk in front of it' in found.checks['camera2'].problem
    assert 'sent no images' in found.checks['camera3'].problem


def test_a_rig_that_moves_is_refused():
    stage = walkers(seed=20)
    poses = stage.world_from_camera.copy()
    phase = np.random.default_rng(0).uniform(0, 6, (4, 1, 3))
    poses[:, :, :3, 3] += 0.4 * np.sin(0.8 * stage.times[None, :, None] + phase)
    turns = roma.rotvec_to_rotmat(torch.from_numpy(0.2 * np.sin(0.7 * stage.times[None, :, None] + phase[::-1])))
    poses[:, :, :3, :3] = poses[:, :, :3, :3] @ turns.numpy()
    found = calibrate(sightings(replace(stage, world_from_camera=poses), 20), priors(stage), LIMBS)
    assert not found.world_from_camera
    assert problems(found)


def test_a_camera_that_lags_is_left_out_and_the_others_stay_right():
    stage = walkers(seed=21, steps=20)
    seen = sightings(stage, 21)
    late = [Sighting(s.stamp, {**s.views, 'camera3': later.views['camera3']}) for s, later in zip(seen, seen[4:])]
    found = calibrate(late, priors(stage), LIMBS)
    assert 'camera3' not in found.world_from_camera
    assert found.checks['camera3'].problem
    if found.world_from_camera:
        place, turn = errors(found.world_from_camera, stage)
        assert place < 0.1
        assert turn < 2.5


def test_two_cameras_without_camera_info_do_not_tell_their_focal_length():
    stage = walkers(2, 1, seed=22)
    found = calibrate(sightings(stage, 22), priors(stage, 1.3), LIMBS)
    assert not found.world_from_camera
    assert 'third camera' in problems(found)


def test_no_sightings_at_all():
    stage = walkers(2, 1)
    found = calibrate([], priors(stage), LIMBS)
    assert not found.world_from_camera
    assert 'sent no images' in problems(found)
