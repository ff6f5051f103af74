"""The gauge: windows in arbitrary frames and scales become one world."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from chromm_ros.capture.notices import Notices
from chromm_ros.capture.settings import CaptureSettings, WorldSettings
from chromm_ros.capture.world.cameras import Cameras, PlacedImage
from chromm_ros.capture.world.gauge import WorldGauge
from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import WorldSource
from chromm_ros.geometry.similarity import Similarity
from chromm_ros.people import ScaleEstimate


def rig(views: int = 4) -> np.ndarray:
    poses = np.tile(np.eye(4), (views, 1, 1))
    poses[:, :3, :3] = Rotation.random(views, random_state=1).as_matrix()
    poses[:, :3, 3] = np.random.default_rng(1).uniform(-3, 3, (views, 3))
    return poses


def gauge_of(extrinsics: str = 'auto', level: bool = False, **settings) -> WorldGauge:
    return gauge_with(EstimateErrors(), extrinsics, level, **settings)


def gauge_with(errors: EstimateErrors, extrinsics: str = 'auto', level: bool = False, **settings) -> WorldGauge:
    capture = CaptureSettings(extrinsics=extrinsics, world=WorldSettings(**settings))
    return WorldGauge(Cameras(capture, errors), level, Notices())


def told(gauge: WorldGauge) -> tuple[str, ...]:
    return gauge.notices.tell()[1]


def seen_by_network(
    poses: np.ndarray, seed: int, scale: float | None = None, noise: float = 0.0, known: np.ndarray | None = None
) -> list[PlacedImage]:
    """The rig in another frame and unit, with noise [m, rad]."""
    random = np.random.default_rng(seed)
    unit = np.exp(random.normal(0, 0.2)) if scale is None else scale
    turn = Rotation.from_rotvec(random.normal(size=3)).as_matrix()
    noisy = poses.copy()
    noisy[:, :3, 3] += noise * random.normal(size=(len(poses), 3))
    noisy[:, :3, :3] = (
        noisy[:, :3, :3] @ Rotation.from_rotvec(noise * random.normal(size=(len(poses), 3))).as_matrix()
    )
    moved = Similarity(np.asarray(1 / unit), turn, random.normal(size=3)).apply_poses(noisy)
    return [
        PlacedImage(f'c{n}', pose, None if known is None or np.isnan(known[n]).any() else known[n])
        for n, pose in enumerate(moved)
    ]


def test_a_known_rig_gives_back_its_poses_and_its_scale():
    gauge = gauge_of()
    for seed in range(5):
        alignment = gauge.align(seen_by_network(rig(), seed, scale=1.3, known=rig()), None)
        np.testing.assert_allclose(alignment.poses, rig(), atol=1e-12)
    assert alignment.scale == pytest.approx(1.3, rel=0.01)
    assert alignment.seam_error < 0.05
    assert gauge.source is WorldSource.TF


def test_unknown_cameras_find_their_place_among_known_ones():
    known = rig()
    known[3] = np.nan
    gauge = gauge_of()
    for seed in range(20):
        alignment = gauge.align(seen_by_network(rig(), seed, noise=0.02, known=known), None)
    np.testing.assert_allclose(alignment.poses[3], rig()[3], atol=0.05)


def test_an_estimated_rig_stays_where_it_is_and_noise_averages_out():
    gauge = gauge_of('estimated')
    first = gauge.align(seen_by_network(rig(), 0, noise=0.03), None).poses
    for seed in range(1, 60):
        alignment = gauge.align(seen_by_network(rig(), seed, noise=0.03), None)
        assert np.abs(alignment.poses[:, :3, 3] - first[:, :3, 3]).max() < 0.2
    sides = np.linalg.norm(alignment.poses[:, None, :3, 3] - alignment.poses[:, :3, 3], axis=-1)
    truth = np.linalg.norm(rig()[:, None, :3, 3] - rig()[:, :3, 3], axis=-1)
    ratio = sides.sum() / truth.sum()
    np.testing.assert_allclose(sides, ratio * truth, atol=0.04)


def test_a_part_of_the_cameras_is_enough():
    gauge = gauge_of('estimated')
    full = gauge.align(seen_by_network(rig(), 0, scale=1.0), None).poses
    rows = seen_by_network(rig(), 1, scale=1.7)
    alignment = gauge.align([rows[2], rows[0]], None)
    np.testing.assert_allclose(alignment.poses, full[[2, 0]], atol=0.01)
    assert gauge.tied('c2', None)
    assert not gauge.tied('c9', None)


def test_the_first_camera_is_upright_where_nothing_is_known():
    gauge = gauge_of('estimated')
    poses = gauge.align(seen_by_network(rig(), 3), None).poses
    assert gauge.source is WorldSource.FIRST_CAMERA
    np.testing.assert_allclose(poses[0, :3, 3], 0, atol=1e-12)
    np.testing.assert_allclose(poses[0, :3, :3] @ [0, -1, 0], [0, 0, 1], atol=1e-12)  # the image's up is up


def test_a_level_gauge_is_the_world():
    gauge = gauge_of('estimated', level=True)
    rows = [PlacedImage(f'c{n}', pose) for n, pose in enumerate(rig())]
    np.testing.assert_allclose(gauge.align(rows, None).poses, rig(), atol=1e-12)
    assert gauge.source is WorldSource.FLOOR
    assert not gauge.unlevelled


def test_people_scale_an_estimated_rig_and_the_change_is_reported():
    gauge = gauge_of('estimated')
    total = 1.0
    vote = ScaleEstimate(1.25, 0.1, 3)
    for seed in range(40):
        alignment = gauge.align(seen_by_network(rig(), seed, scale=1.0), vote)
        if alignment.change is not None:
            total *= float(alignment.change.scale)
    size = np.linalg.norm(alignment.poses[0, :3, 3] - alignment.poses[1, :3, 3])
    truth = np.linalg.norm(rig()[0, :3, 3] - rig()[1, :3, 3])
    assert size / truth == pytest.approx(1.25, rel=0.02)
    assert alignment.scale == pytest.approx(1.25, rel=0.02)
    assert total > 1.0


def test_a_single_camera_takes_its_scale_from_people_over_time():
    gauge = gauge_of()
    random = np.random.default_rng(0)
    scales = []
    for seed in range(100):
        vote = ScaleEstimate(0.8 * np.exp(0.1 * random.normal()), math.nan, 1)
        scales.append(gauge.align(seen_by_network(rig(1), seed, scale=1.0, known=rig(1)), vote).scale)
    assert np.mean(scales[50:]) == pytest.approx(0.8, rel=0.03)
    assert np.std(scales[50:]) < 0.05  # of votes that spread by a tenth


def test_baselines_that_the_network_sees_wrong_are_not_believed():
    random = np.random.default_rng(3)
    wrong = rig()
    wrong[:, :3, 3] = 1.3 * wrong[:, :3, 3] + 0.8 * random.normal(size=(4, 3))  # the same mistake in every window
    gauge = gauge_of()
    vote = ScaleEstimate(1.0, 0.05, 4)
    for _ in range(30):
        rows = [PlacedImage(f'c{n}', pose, known) for n, (pose, known) in enumerate(zip(wrong, rig()))]
        alignment = gauge.align(rows, vote)
    assert alignment.scale == pytest.approx(1.0, abs=0.06)
    np.testing.assert_allclose(alignment.poses, rig())


def test_nobody_to_vote_changes_no_scale():
    gauge = gauge_of()
    for seed in range(10):
        vote = ScaleEstimate(1.0, math.nan, 0)
        assert gauge.align(seen_by_network(rig(1), seed, scale=1.0), vote).scale == 1.0


def test_scale_by_choice():
    network = gauge_of(scale='network')
    assert network.align(seen_by_network(rig(), 0, scale=1.5, known=rig()), ScaleEstimate(1.2, 0.1, 5)).scale == 1.0
    people = gauge_of(scale='people')
    for seed in range(30):
        alignment = people.align(seen_by_network(rig(), seed, scale=1.5, known=rig()), ScaleEstimate(1.2, 0.1, 5))
    assert alignment.scale == pytest.approx(1.2, rel=0.02)


def test_one_camera_in_the_wrong_place_does_not_move_the_others():
    true = rig(5)
    bumped = true.copy()
    bumped[2, :3, 3] += [1.0, 0.5, 0]
    gauge = gauge_of(bump_windows=5)
    messages = []
    for seed in range(8):
        gauge.align(seen_by_network(bumped, seed, scale=1.0, known=true), None)
        messages += told(gauge)
    assert len(messages) == 1
    assert 'c2' in messages[0]
    assert gauge.cameras['c2'].errors[0] == pytest.approx(np.hypot(1.0, 0.5), abs=0.05)
    assert all(gauge.cameras[f'c{n}'].errors[0] < 0.05 for n in (0, 1, 3, 4))
    for seed in range(8, 20):
        gauge.align(seen_by_network(true, seed, scale=1.0, known=true), None)
        messages += told(gauge)
    assert len(messages) == 2
    assert 'again' in messages[1]


def test_an_estimated_camera_that_was_moved_is_estimated_anew():
    gauge = gauge_of('estimated', bump_windows=5)
    moved = rig()
    for seed in range(20):
        gauge.align(seen_by_network(moved, seed, scale=1.0), None)
    moved[1, :3, 3] += [1.0, 0.0, 0.5]
    messages = []
    for seed in range(20, 40):
        alignment = gauge.align(seen_by_network(moved, seed, scale=1.0), None)
        messages += told(gauge)
    assert any('c1 was moved' in message for message in messages)
    sides = np.linalg.norm(alignment.poses[:, None, :3, 3] - alignment.poses[:, :3, 3], axis=-1)
    truth = np.linalg.norm(moved[:, None, :3, 3] - moved[:, :3, 3], axis=-1)
    np.testing.assert_allclose(sides, truth, atol=0.05)


def test_given_poses_are_refined_slowly():
    given = rig()
    given[0, :3, 3] += [0.2, 0.0, 0.0]
    gauge = gauge_of('tf_then_refine', rig_memory=20)
    first = gauge.align(seen_by_network(rig(), 0, known=given), None).poses
    for seed in range(1, 200):
        alignment = gauge.align(seen_by_network(rig(), seed, known=given), None)
    np.testing.assert_allclose(first[0, :3, 3], given[0, :3, 3], atol=0.02)
    sides = np.linalg.norm(alignment.poses[:, None, :3, 3] - alignment.poses[:, :3, 3], axis=-1)
    truth = np.linalg.norm(rig()[:, None, :3, 3] - rig()[:, :3, 3], axis=-1)
    ratio = sides.sum() / truth.sum()
    np.testing.assert_allclose(sides, ratio * truth, atol=0.03)
    assert gauge.cameras['c0'].errors[0] > 0.1  # against what was given


def test_a_late_rig_takes_the_world_over():
    gauge = gauge_of()
    old = gauge.align(seen_by_network(rig(), 0, scale=1.0), None).poses
    alignment = gauge.align(seen_by_network(rig(), 1, scale=1.0, known=rig()), None)
    np.testing.assert_allclose(alignment.change.apply_poses(old), rig(), atol=0.02)
    np.testing.assert_allclose(alignment.poses, rig(), atol=1e-9)
    assert gauge.source is WorldSource.TF
    assert 'known now' in told(gauge)[0]


def test_moving_cameras_hang_on_the_images_they_share():
    gauge = gauge_of('estimated', rig_moves=True)
    first = gauge.align(seen_by_network(rig(), 0, scale=1.0), None).poses
    later = rig()
    later[:, :3, 3] += [0.5, 0, 0]
    assert not gauge.tied('c0', None)
    both = seen_by_network(np.concatenate([later, rig()]), 1, scale=2.0)
    anchors = [PlacedImage(f'c{n}', row.estimated, None, first[n]) for n, row in enumerate(both[4:])]
    alignment = gauge.align([*both[:4], *anchors], None)
    moved = np.linalg.norm(alignment.poses[:4, :3, 3] - first[:, :3, 3], axis=1)
    np.testing.assert_allclose(moved, 0.5, atol=0.01)


def test_levelling_moves_the_cameras_too():
    gauge = gauge_of('estimated')
    gauge.align(seen_by_network(rig(), 0, scale=1.0), None)
    floor = np.random.default_rng(0).uniform([-3, -3, -1.51], [3, 3, -1.49], (2000, 3))
    change = gauge.level(floor, np.array([0, 0, 1.0]))
    assert change.translation[2] == pytest.approx(1.5, abs=0.02)
    assert gauge.source is WorldSource.FLOOR
    assert gauge.align(seen_by_network(rig(), 1, scale=1.0), None).poses[0, 2, 3] == pytest.approx(1.5, abs=0.02)


@pytest.mark.parametrize(('camera_position', 'reported'), [(0.01, True), (0.6, False)])
def test_a_network_that_misplaces_cameras_by_itself_raises_no_alarm(camera_position, reported):
    bumped = rig()
    bumped[2, :3, 3] += [1.0, 0.5, 0]
    gauge = gauge_with(EstimateErrors(camera_position=camera_position), bump_windows=5)
    for seed in range(8):
        gauge.align(seen_by_network(bumped, seed, scale=1.0, known=rig()), None)
    assert any('was it bumped' in sentence for sentence in told(gauge)) == reported
