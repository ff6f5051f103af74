"""Given poses that are a little off come nearer to the truth; nothing is corrected by people who say too little."""

import dataclasses
import math

import numpy as np
import pytest
import roma
import torch
from rig_sightings import LIMBS, landmarks, priors, sightings, walkers

from chromm_ros.people.self_calibration.refine import corrections


def off_by(stage, degrees, metres, seed=0, views=range(4)):
    """Priors whose poses are turned and moved by so much, each its own way."""
    rng = np.random.default_rng(seed)
    known = priors(stage, given=tuple(range(len(stage.intrinsics))))
    for v in views:
        axis, way = rng.normal(size=(2, 3))
        pose = known[f'camera{v}'].world_from_camera.copy()
        turn = torch.from_numpy(math.radians(degrees) * axis / np.linalg.norm(axis))
        pose[:3, :3] = roma.rotvec_to_rotmat(turn).numpy() @ pose[:3, :3]
        pose[:3, 3] += metres * way / np.linalg.norm(way)
        known[f'camera{v}'] = dataclasses.replace(known[f'camera{v}'], world_from_camera=pose)
    return known


def misfit(poses, stage):
    """Mean angle [deg] between the views of pairs of cameras, against the truth."""
    true = stage.world_from_camera[:, 0, :3, :3]
    found = np.stack([poses[f'camera{v}'][:3, :3] for v in range(len(true))])
    between = [[true[a].T @ true[b], found[a].T @ found[b]] for a in range(len(true)) for b in range(a)]
    traces = [np.trace(one.T @ other) for one, other in between]
    return float(np.degrees(np.arccos(np.clip((np.array(traces) - 1) / 2, -1, 1))).mean())


@pytest.mark.parametrize('seed', range(3))
def test_poses_that_are_a_degree_off_come_nearer_to_the_truth(seed):
    stage = walkers(seed=40 + seed)
    known = off_by(stage, 1.0, 0.02, seed)
    found = corrections(sightings(stage, seed), known, LIMBS)
    assert len(found) > 2
    assert all(correction.small for correction in found.values())
    given = {view: prior.world_from_camera for view, prior in known.items()}
    before = misfit(given, stage)
    after = misfit(given | {view: correction.world_from_camera for view, correction in found.items()}, stage)
    assert after < 0.6 * before


def test_good_poses_stay_where_they_are():
    stage = walkers(seed=43)
    found = corrections(sightings(stage, 43), priors(stage, given=(0, 1, 2, 3)), LIMBS)
    assert all(math.degrees(one.turn) < 0.7 and one.place < 0.05 for one in found.values())
    true = {f'camera{v}': pose for v, pose in enumerate(stage.world_from_camera[:, 0])}
    for view, correction in found.items():
        apart = np.linalg.norm(correction.world_from_camera[:3, 3] - true[view][:3, 3])
        assert correction.place == pytest.approx(apart, abs=1e-9)


def test_a_pose_that_is_plainly_wrong_is_no_small_correction():
    stage = walkers(seed=44)
    found = corrections(sightings(stage, 44), off_by(stage, 8.0, 0.0, views=[2]), LIMBS)
    assert not all(correction.small for correction in found.values())


def test_people_who_stand_or_come_once_correct_nothing():
    stage = walkers(seed=45)
    marks = landmarks(stage)
    still = sightings(stage, 45, marks=np.broadcast_to(marks[:1], marks.shape))
    known = off_by(stage, 1.0, 0.0)
    assert not corrections(still, known, LIMBS)
    assert not corrections(sightings(stage, 45)[:4], known, LIMBS)
    assert not corrections([], known, LIMBS)
    assert not corrections(sightings(stage, 45), {'camera0': known['camera0']}, LIMBS)
