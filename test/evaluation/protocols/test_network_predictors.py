"""The single pass and its chunks on a studio whose network knows the truth but forgets the frame of each pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from truthful_studio import (
    BODY,
    HEIGHT,
    INTRINSICS,
    UPRIGHT,
    WIDTH,
    Studio,
    TruthfulNetwork,
    canonical,
    circling,
    looks,
    ring,
)

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.interface import Instant, Lens, Person, View
from chromm_ros.evaluation.protocols.benchmark import Benchmark
from chromm_ros.evaluation.protocols.instants import score_instants
from chromm_ros.evaluation.protocols.motion import score_motion
from chromm_ros.evaluation.protocols.network_predictors import (
    DepthPredictor,
    InstantPredictor,
    MotionPredictor,
    chunk_ranges,
)
from chromm_ros.evaluation.protocols.pass_settings import PassSettings, with_words
from chromm_ros.evaluation.protocols.report import summary
from chromm_ros.evaluation.protocols.runner import Outcome
from chromm_ros.evaluation.protocols.sets import make_clip
from chromm_ros.evaluation.protocols.single_pass import SinglePass
from chromm_ros.skeleton import BODY_JOINTS, HEAD


@dataclass
class StudioSequence:
    """A studio as a data set gives it."""

    studio: Studio
    static_rig: bool
    frames: int
    name: str = 'studio'
    fps: float = 10.0

    def __len__(self) -> int:
        return self.frames

    def instant(self, index: int) -> Instant:
        time = index / self.fps
        images = self.studio.images(time).views
        poses = self.studio.cameras(range(len(images)), [time] * len(images))
        lens = Lens(INTRINSICS, (WIDTH, HEIGHT))
        views = tuple(
            View(name, lens, pose, open_image=lambda image=image: image.pixels)
            for (name, image), pose in zip(images.items(), poses)
        )
        return Instant(index, time, views, tuple(self._people(time)))

    def _people(self, time: float) -> list[Person]:
        people = []
        for number, head in enumerate(self.studio.heads(time)):
            joints = canonical(*looks(number))[:BODY_JOINTS] @ UPRIGHT.T
            people.append(Person(str(number), joints=joints + head - joints[HEAD], joint_names='proxy22'))
        return people


def clip_of(sequence: StudioSequence, views: tuple[str, ...] = ()):
    return make_clip('studio', sequence, BodyLibrary(), views=views)


def single_pass(studio: Studio, **settings) -> SinglePass:
    network = TruthfulNetwork(studio, gauge='random')
    return SinglePass(network, BODY, BodyLibrary(), PassSettings(**settings))


@pytest.fixture
def people() -> list:
    return [circling(0.8, 0.0), circling(1.2, 3.0)]


def test_chunks_of_a_standing_rig_become_one_world(people):
    studio = Studio(people)
    clip = clip_of(StudioSequence(studio, True, 20))
    estimates = MotionPredictor(single_pass(studio), 'truthful', chunk=8, segment=20).predict(clip)
    score = score_motion(clip, estimates, segment=20)
    assert score.coverage == 1
    assert score.means()['w_mpjpe'] == pytest.approx(0, abs=1)  # mm; the stand-in's body is float32
    assert score.means()['rte'] == pytest.approx(0, abs=0.1)


def test_chunks_of_a_camera_that_moves_hang_on_the_frames_that_they_share(people):
    studio = Studio(people[:1], rig=ring(1), travel=lambda time: np.array([0.3 * time, 0.1 * time, 0.0]))
    clip = clip_of(StudioSequence(studio, False, 40))
    estimates = MotionPredictor(single_pass(studio), 'truthful', chunk=20, segment=20).predict(clip)
    assert len(np.unique(estimates.frames)) == len(estimates.frames) == 40
    score = score_motion(clip, estimates, segment=20)
    assert score.coverage == 1
    assert score.means()['rte'] == pytest.approx(0, abs=0.2)


def test_single_instants_know_nothing_of_each_other(people):
    studio = Studio(people)
    clip = clip_of(StudioSequence(studio, True, 3))
    score = score_instants(clip, InstantPredictor(single_pass(studio), 'truthful').predict(clip))
    assert score.coverage == 1
    assert score.means()['w_mpjpe_cameras'] == pytest.approx(0, abs=1e-3)
    assert score.counts['combined false_positives'] == score.counts['combined false_negatives'] == 0
    assert score.counts['combined true_positives'] == 3 * 2 * 6  # instants, people, pairs of four views


def test_an_empty_room_gives_no_estimate_and_no_error():
    studio = Studio([])
    sequence = StudioSequence(studio, True, 3)
    clip = make_clip('empty', sequence, BodyLibrary(), counted=lambda instant: True)
    estimates = InstantPredictor(single_pass(studio), 'truthful').predict(clip)
    assert len(estimates.joints) == 0
    assert len(estimates.world_from_camera) == 3


def test_depth_is_that_of_the_walls(people):
    studio = Studio(people, rig=ring(1))
    clip = clip_of(StudioSequence(studio, False, 2))
    estimates = DepthPredictor(single_pass(studio), 'truthful').predict(clip)
    assert estimates.depth.shape == (2, 24, 32)
    assert (estimates.depth > 0).all()


def test_a_network_that_breaks_down_loses_the_clip_by_name(people):
    studio = Studio(people)
    network = TruthfulNetwork(studio, broken=lambda time: time > 0.1)
    clip = clip_of(StudioSequence(studio, True, 4))
    with pytest.raises(ValueError, match='frames 0 to 3'):
        MotionPredictor(SinglePass(network, BODY, BodyLibrary(), PassSettings()), 'broken', 4).predict(clip)


def test_without_scale_adjustment_the_scale_of_the_network_stays(people):
    studio = Studio(people)
    clip = clip_of(StudioSequence(studio, True, 2))
    errors = {}
    for adjust in (True, False):
        network = TruthfulNetwork(studio, gauge='random', metric_error=1.3)
        predictor = InstantPredictor(SinglePass(network, BODY, BodyLibrary(), PassSettings(adjust_scale=adjust)), '')
        errors[adjust] = score_instants(clip, predictor.predict(clip)).means()['w_mpjpe_cameras']
    assert errors[True] < 0.3 * errors[False]


def test_chunks_never_cross_a_segment():
    assert list(chunk_ranges(230, 25, 100))[3:6] == [(75, 100), (100, 125), (125, 150)]
    assert list(chunk_ranges(230, 100, 100)) == [(0, 100), (100, 200), (200, 230)]


def test_true_cameras_stay_where_they_are(people):
    studio = Studio(people)
    clip = clip_of(StudioSequence(studio, True, 3))
    network = TruthfulNetwork(studio, gauge='random', metric_error=1.3)
    settings = PassSettings(known_cameras=True, known_intrinsics=True)
    estimates = InstantPredictor(SinglePass(network, BODY, BodyLibrary(), settings), '').predict(clip)
    np.testing.assert_allclose(estimates.world_from_camera, clip.truth.world_from_camera, atol=1e-9)
    assert score_instants(clip, estimates).means()['w_mpjpe_cameras'] < 0.2


def test_a_chunk_that_does_not_fit_says_what_to_do(people):
    studio = Studio(people)
    clip = clip_of(StudioSequence(studio, True, 4))
    passes = SinglePass(TruthfulNetwork(studio, memory=8), BODY, BodyLibrary(), PassSettings())
    with pytest.raises(ValueError, match=r'4 instants of 4 views .* smaller --chunk'):
        MotionPredictor(passes, '', 4).predict(clip)
    assert score_motion(clip, MotionPredictor(passes, '', 2).predict(clip)).coverage == 1


def test_detections_of_nobody_count_as_missed_pairs(people):
    """Whatever joins nobody over the views: the pairs that are judged stay the same."""
    studio = Studio(people)
    clip = clip_of(StudioSequence(studio, True, 1))
    totals, recalls = [], []
    for threshold in ('0.5', '0.000001'):
        settings = with_words(PassSettings(), [f'people.association.threshold={threshold}'])
        passes = SinglePass(TruthfulNetwork(studio, noise=0.02), BODY, BodyLibrary(), settings)
        counts = score_instants(clip, InstantPredictor(passes, '').predict(clip)).counts
        totals.append(sum(counts.values()))
        recalls.append(counts['combined true_positives'])
    assert totals[0] == totals[1] > 0
    assert recalls[0] > recalls[1] == 0


def test_pose_alone_and_position_alone_are_compared_on_request(people):
    """Everybody stands alike, and one camera does not see the first person: poses take the second for the first."""
    studio = Studio(people, same_looks=True)
    clip = clip_of(StudioSequence(studio, True, 2))
    network = TruthfulNetwork(studio, blind=[(0, 0)])
    passes = SinglePass(network, BODY, BodyLibrary(), PassSettings(compare_associations=True))
    estimates = InstantPredictor(passes, '').predict(clip)
    result = summary(benchmark_of(clip), Outcome({'studio': score_instants(clip, estimates)}), 'truthful')
    found = result['association']
    assert found['position']['accuracy'] == found['combined']['accuracy'] == 100
    assert found['pose']['precision'] < 100
    assert len({found[way]['pairs'] for way in ('pose', 'position', 'combined')}) == 1


def benchmark_of(clip) -> Benchmark:
    return Benchmark('studio', 'Studio', [], score_instants, (), {}, {})
