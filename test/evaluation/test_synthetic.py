"""The score of a capture that says the truth is perfect, and every kind of error shows in its own number."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from chromm_ros.body.model import BodyModel
from chromm_ros.evaluation.commands import synthetic
from chromm_ros.evaluation.synthetic import (
    SyntheticScore,
    SyntheticSettings,
    evaluate_synthetic,
    image_sets,
    score_scene,
    view_name,
)
from chromm_ros.flow import (
    CameraState,
    Cloud,
    Human,
    HumanState,
    Observation,
    Snapshot,
    ViewState,
    WorldSource,
)
from chromm_ros.network.chromm import Chromm
from chromm_ros.network.presets import choose
from chromm_ros.synthetic.in_sight import heads_in_sight
from chromm_ros.synthetic.world import Frames, World


@pytest.fixture(scope='module')
def frames() -> Frames:
    return World.sample(31, views=3, people=(3, 3)).render(np.array([6.0, 6.2]))


def observation(view: int, pixels: np.ndarray) -> Observation:
    return Observation(
        view=view_name(view), tracklet=0, stamp=0, score=0.9, visible_fraction=1.0, fused=True, head_px=pixels,
        pelvis_px=pixels, roi=(0, 0, 1, 1), residual=0.0,
    )  # fmt: skip


def human(number: int, joints: np.ndarray, root_rotation: np.ndarray, seen: list[Observation]) -> Human:
    return Human(
        id=number, state=HumanState.TRACKED, confidence=1.0, first_observed=0, last_observed=0, absorbed=(),
        pose=np.tile(np.eye(3), (52, 1, 1)), betas=np.zeros(10), root_rotation=root_rotation, head=joints[15],
        joints=joints, joint_rotations=np.tile(np.eye(3), (55, 1, 1)), velocity=np.zeros(3),
        angular_velocity=np.zeros(3), covariance=np.eye(6), velocity_covariance=np.eye(6),
        joint_confidence=np.ones(55), joints_observed=np.ones(55, bool), observations=tuple(seen),
    )  # fmt: skip


def camera(view: int, pose: np.ndarray) -> CameraState:
    return CameraState(view_name(view), ViewState.OK, True, 0, pose, np.eye(3), False, float('nan'), float('nan'))


def truthful(frames: Frames, step: int, world: np.ndarray | None = None) -> Snapshot:
    """What a perfect capture would say, in a world frame of its own."""
    world = np.eye(4) if world is None else world
    in_sight, pixels = heads_in_sight(frames)
    people = []
    for person in np.flatnonzero(in_sight[:, step].any(0)):
        seen = [observation(view, pixels[view, step, person]) for view in np.flatnonzero(in_sight[:, step, person])]
        joints = frames.truth.joints[step, person] @ world[:3, :3].T + world[:3, 3]
        people.append(human(int(person) + 10, joints, world[:3, :3] @ frames.truth.root_rotation[step, person], seen))
    poses = world @ frames.world_from_camera[:, step]
    return Snapshot(
        stamp=0, session='s', window=step, humans=tuple(people), cameras=tuple(map(camera, range(3), poses)),
        scene_update=Cloud(np.zeros((0, 3)), np.zeros((0, 3), np.uint8), np.zeros(0)),
        world_source=WorldSource.TF, scale=1.0, scale_spread=0.0, seam_error=0.0, stages={}, dropped={},
    )  # fmt: skip


def summary(frames: Frames, snapshots: list[Snapshot | None]) -> dict:
    score = SyntheticScore()
    score_scene(score, frames, snapshots)
    return score.summary()


def turned(angle: float = 0.8) -> np.ndarray:
    world = np.eye(4)
    world[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    world[:3, 3] = [3.0, -1.0, 0.5]
    return world


@pytest.mark.parametrize('world', [np.eye(4), turned()])
def test_the_truth_is_perfect_in_any_world_frame(frames: Frames, world: np.ndarray) -> None:
    result = summary(frames, [truthful(frames, step, world) for step in range(2)])
    people = result['people']
    assert people['recall'] == people['precision'] == people['association_f1'] == 1
    assert people['id_switches'] == 0
    assert people['head_error_m']['median'] == pytest.approx(0, abs=1e-6)
    assert people['joints_error_m'] == pytest.approx(0, abs=1e-6)
    assert people['root_rotation_deg'] == pytest.approx(0, abs=1e-2)
    assert result['cameras']['rotation_deg_median'] == pytest.approx(0, abs=1e-2)


def test_a_silent_capture_recalls_nobody(frames: Frames) -> None:
    assert summary(frames, [None, truthful(frames, 1)])['people']['recall'] < 1


def test_a_swap_of_ids_is_counted(frames: Frames) -> None:
    first, second = (truthful(frames, step) for step in range(2))
    people = list(second.humans)
    people[0], people[1] = replace(people[0], id=people[1].id), replace(people[1], id=people[0].id)
    assert summary(frames, [first, replace(second, humans=tuple(people))])['people']['id_switches'] == 2


def test_a_detection_given_to_the_wrong_person_costs_association(frames: Frames) -> None:
    snapshot = truthful(frames, 0)
    first, second, *others = sorted(snapshot.humans, key=lambda one: -len(one.observations))
    wrong = [replace(first, observations=first.observations[1:])]
    wrong.append(replace(second, observations=(first.observations[0], *second.observations[1:])))
    result = summary(frames, [replace(snapshot, humans=(*wrong, *others)), truthful(frames, 1)])
    assert result['people']['association_f1'] < 1


def test_hidden_and_absent_heads_are_not_in_sight(frames: Frames) -> None:
    in_sight, pixels = heads_in_sight(frames)
    assert in_sight.any()
    inside = (pixels >= 0).all(-1) & (pixels < [192, 144]).all(-1)
    assert not (in_sight & ~inside).any()
    walled = replace(frames, depth=np.full_like(frames.depth, 0.3))
    assert not heads_in_sight(walled)[0].any()
    gone = replace(frames, truth=replace(frames.truth, present=np.zeros_like(frames.truth.present)))
    assert not heads_in_sight(gone)[0].any()


def test_cameras_deliver_what_they_are_allowed_to_tell(frames: Frames) -> None:
    told, untold = (next(image_sets(frames, with_poses)) for with_poses in (True, False))
    assert [image.world_from_camera is None for image in told.views.values()] == [False] * 3
    assert [image.world_from_camera is None for image in untold.views.values()] == [True] * 3


def test_an_untrained_network_is_scored_to_the_end() -> None:
    body = BodyModel.load()
    network = Chromm(choose('tiny', 'chromm'), body).eval()
    settings = SyntheticSettings(seed=77, scenes=1, views=2, steps=2, extrinsics='estimated')
    results = list(evaluate_synthetic(network, body, settings))
    assert len(results) == 1
    summary = results[0][1].summary()
    assert summary['cameras']['rotation_deg_median'] > 0
    assert summary['detections']['heads'] > 0
    assert summary['scene']['absrel'] > 0.1


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match='known'):
        SyntheticSettings(extrinsics='guessed')
    with pytest.raises(ValueError, match='at least 1'):
        SyntheticSettings(views=0)


def test_the_command_writes_its_numbers_and_pictures(tmp_path: Path) -> None:
    file = tmp_path / 'out' / 'score.json'
    assert synthetic(seed=77, scenes=1, views=2, steps=1, json=file, pictures=tmp_path / 'pictures') == 0
    result = json.loads(file.read_text())
    expected = {'recall', 'precision', 'head_error_m', 'joints_error_m', 'root_rotation_deg', 'association_f1'}
    assert expected | {'id_switches'} <= set(result['people'])
    assert set(result['people']['head_error_m']) == {'median', 'p90'}
    assert set(result['cameras']) == {'rotation_deg_median', 'translation_m_median'}
    assert 'absrel' in result['scene']
    assert 'scale_ratio_error' in result
    assert (tmp_path / 'pictures' / 'room_77.png').stat().st_size > 10_000
