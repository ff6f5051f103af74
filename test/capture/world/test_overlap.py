"""Windows that share images: their surfaces say the scale. Against a long sequence of the Pi3X reference (`vo.npz`).

`vo.npz` is a run of the reference's odometry over 23 frames of 6x8 px in chunks of 10 that share 4. A stand-in gives
each chunk in a frame and a unit of its own, so that the result has to be the world again. The rotations of the
reference carry the scale of their chunk (its defect); they are compared without it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from chromm_ros.capture.notices import Notices
from chromm_ros.capture.settings import CaptureSettings, WorldSettings
from chromm_ros.capture.world.cameras import Cameras, PlacedImage
from chromm_ros.capture.world.gauge import WorldGauge
from chromm_ros.capture.world.overlap import MIN_SAMPLES, Seam, fit_seam
from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.geometry.cameras import transform
from chromm_ros.geometry.similarity import Similarity, align_rigs
from chromm_ros.people import ScaleEstimate

FIXTURE = Path(__file__).parent / 'fixtures' / 'vo.npz'
CHUNKS = ((0, 10), (6, 16), (12, 22), (18, 23))
OVERLAP = 4


class Sequence:
    """What the network says of each chunk, and what the reference makes of it."""

    def __init__(self):
        self.arrays = {key.removeprefix('vo_'): value.astype(float) for key, value in np.load(FIXTURE).items()}
        self.trusted = self['trusted'] > 0  # confidence above 0.05 and no edge, as the reference has it

    def __getitem__(self, name):
        return self.arrays[name][0]

    def chunk(self, number):
        """Poses (T, 4, 4) and points (T, 6, 8, 3) in the camera frame, in the frame and unit of a chunk."""
        rotation, scale, translation = (self.arrays[f'chunk{number}_{name}'] for name in 'Rst')
        frame = Similarity(scale[0], rotation, translation)
        frames = slice(*CHUNKS[number])
        return frame.apply_poses(self['poses'][frames]), scale * self['local'][frames]

    def depths(self, number, points):
        """(T, 6, 8), NaN where they are not to be trusted."""
        return np.where(self.trusted[slice(*CHUNKS[number])], points[..., 2], np.nan)

    @property
    def rotations(self):
        """(T, 3, 3) of the reference, without the scale that it left in them."""
        rotations = self['out_poses'][:, :3, :3]
        return rotations / np.cbrt(np.linalg.det(rotations))[:, None, None]


@pytest.fixture(scope='module')
def sequence():
    return Sequence()


def test_chunks_become_the_sequence_of_the_reference(sequence):
    poses, points = sequence.chunk(0)
    depths = sequence.depths(0, points)
    for number in range(1, len(CHUNKS)):
        new_poses, new_points = sequence.chunk(number)
        seam = fit_seam(depths[-OVERLAP:], sequence.depths(number, new_points)[:OVERLAP])
        tie = align_rigs(new_poses[:OVERLAP], poses[-OVERLAP:], scale=seam.ratio)
        new_points = new_points * seam.ratio
        poses = np.concatenate([poses, tie.apply_poses(new_poses)[OVERLAP:]])
        points = np.concatenate([points, new_points[OVERLAP:]])
        depths = sequence.depths(number, new_points)
    np.testing.assert_allclose(transform(poses, points), sequence['out_points'], rtol=0, atol=1e-5)
    np.testing.assert_allclose(poses[:, :3, 3], sequence['out_poses'][:, :3, 3], rtol=0, atol=1e-5)
    np.testing.assert_allclose(poses[:, :3, :3], sequence.rotations, rtol=0, atol=1e-5)


def moving_rig(**world) -> WorldGauge:
    settings = CaptureSettings(extrinsics='estimated', world=WorldSettings(rig_moves=True, **world))
    return WorldGauge(Cameras(settings, EstimateErrors()), level_gauge=True, notices=Notices())


def test_the_world_of_moving_cameras_becomes_the_sequence_of_the_reference(sequence):
    """Through the gauge of the capture, whose filter of the scale takes nothing to be exact."""
    gauge = moving_rig(minimum_baseline=10.0)
    poses, depths = np.zeros((0, 4, 4)), None
    for number, (start, _) in enumerate(CHUNKS):
        estimated, points = sequence.chunk(number)
        now = sequence.depths(number, points)
        placed = [*poses[start:], *[None] * len(estimated)]
        rows = [PlacedImage('camera', pose, placed=known) for pose, known in zip(estimated, placed)]
        seam = None if depths is None else fit_seam(depths[-OVERLAP:], now[:OVERLAP])
        alignment = gauge.align(rows, None, seam)
        poses = np.concatenate([poses[:start], alignment.poses])
        depths = alignment.scale * now
    np.testing.assert_allclose(poses[:, :3, 3], sequence['out_poses'][:, :3, 3], rtol=0, atol=2e-3)
    np.testing.assert_allclose(poses[:, :3, :3], sequence.rotations, rtol=0, atol=1e-4)
    squares = poses[:, :3, :3] @ poses[:, :3, :3].swapaxes(1, 2)
    np.testing.assert_allclose(squares, np.broadcast_to(np.eye(3), squares.shape), atol=1e-6)


def noisy(error, seed=0):
    """(2, 24, 32) depths of which patches are off together."""
    random = np.random.default_rng(seed)
    return 3.0 * np.exp(error * np.kron(random.normal(size=(2, 3, 4)), np.ones((8, 8))))


def test_the_error_is_that_of_the_ratio():
    seams = [fit_seam(1.4 * noisy(0.05, seed), noisy(0.05, 100 + seed)) for seed in range(200)]
    off = np.array([np.log(seam.ratio / 1.4) / seam.error for seam in seams])
    assert 0.7 < np.sqrt((off**2).mean()) < 1.5
    assert abs(off.mean()) < 0.3


def test_a_part_that_is_wrong_does_not_matter():
    before = 1.4 * noisy(0.0)
    before[:, :8] *= 3.0
    assert fit_seam(before, noisy(0.0)).ratio == pytest.approx(1.4)


def test_too_little_in_common_says_nothing():
    before, now = np.full((1, 24, 32), np.nan), noisy(0.0)[:1]
    before[0, 6:12, 0] = 3.0
    before[0, 14, 20 : 20 + MIN_SAMPLES - 7] = 3.0
    assert fit_seam(before, now) is None
    before[0, 14, 28] = 3.0
    assert fit_seam(before, now).ratio == pytest.approx(1.0)
    assert fit_seam(before, noisy(0.0)) is None, 'not the same images'
    one_patch = np.full((1, 24, 32), np.nan)
    one_patch[0, :8, :8] = 3.0
    assert fit_seam(one_patch, now) is None, 'samples that are wrong together'
    assert fit_seam(-now, now) is None


def test_people_correct_the_scale_that_surfaces_keep(sequence):
    """The scale of the network is wrong by a quarter in all windows: nobody but people can tell."""
    gauge = moving_rig()
    pose, vote = np.eye(4), ScaleEstimate(1.25, 0.1, 3)
    scale = gauge.align([PlacedImage('a', pose)], vote).scale
    for _ in range(40):
        rows = [PlacedImage('a', pose), PlacedImage('a', pose, placed=pose)]
        scale = gauge.align(rows, vote, Seam(scale, 0.01)).scale
    assert scale == pytest.approx(1.25, rel=0.01)


def test_cameras_close_together_are_placed_by_their_orientation():
    """Two lenses of a hand's breadth: the noise of their places would turn the world."""
    random = np.random.default_rng(0)
    pair = np.tile(np.eye(4), (2, 1, 1))
    pair[1, 0, 3] = 0.12
    turned = []
    for _ in range(50):
        gauge = moving_rig()
        gauge.align([PlacedImage(view, pose) for view, pose in zip('ab', pair)], None)
        seen = pair.copy()
        seen[:, :3, 3] += 0.03 * random.normal(size=(2, 3))
        rows = [PlacedImage(view, pose, placed=known) for view, pose, known in zip('ab', seen, pair)]
        new = gauge.align([PlacedImage('a', np.eye(4)), *rows], None).poses[0]
        turned.append(Rotation.from_matrix(new[:3, :3]).magnitude())
    assert np.sqrt(np.mean(np.square(turned))) < 0.06
