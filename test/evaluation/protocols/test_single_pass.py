"""The trained tiny network on pictures of the synthetic studio."""

from __future__ import annotations

import numpy as np
import pytest

from chromm_ros.body.library import BodyLibrary
from chromm_ros.body.model import BodyModel
from chromm_ros.datasets.interface import Instant, Lens, Person, View
from chromm_ros.evaluation.protocols.instants import score_instants
from chromm_ros.evaluation.protocols.network_predictors import InstantPredictor, PelvisPredictor
from chromm_ros.evaluation.protocols.pass_settings import PassSettings, with_words
from chromm_ros.evaluation.protocols.sets import make_clip
from chromm_ros.evaluation.protocols.single_pass import SinglePass, body_joints
from chromm_ros.network.chromm import Chromm
from chromm_ros.skeleton import BODY_JOINTS
from chromm_ros.synthetic.world import World


class StudioPictures:
    """Two steps of a synthetic studio before three cameras."""

    name, fps, static_rig = 'studio', 10.0, True

    def __init__(self) -> None:
        self.frames = World.sample(1_000_003, 3, people=(2, 2)).render(6 + 0.1 * np.arange(2))

    def __len__(self) -> int:
        return len(self.frames.times)

    def instant(self, index: int) -> Instant:
        shown = self.frames
        height, width = shown.images.shape[2:4]
        views = tuple(
            View(
                f'camera_{view}',
                Lens(shown.intrinsics[view, index], (width, height)),
                shown.world_from_camera[view, index],
                open_image=lambda view=view: shown.images[view, index],
            )
            for view in range(len(shown.images))
        )
        people = tuple(
            Person(str(k), joints=shown.truth.joints[index, k, :BODY_JOINTS], joint_names='proxy22')
            for k in np.flatnonzero(shown.truth.present[index])
        )
        return Instant(index, index / self.fps, views, people)


@pytest.fixture(scope='module')
def network():
    return Chromm.from_preset('tiny', body=BodyModel.load())


@pytest.fixture(scope='module')
def clip():
    return make_clip('studio', StudioPictures(), BodyLibrary())


def single_pass(network, *changes):
    return SinglePass(network, network.body, BodyLibrary(), with_words(PassSettings(), changes))


def test_people_are_found_and_their_bodies_are_near_the_truth(network, clip):
    score = score_instants(clip, InstantPredictor(single_pass(network), 'tiny').predict(clip))
    assert score.coverage > 0.7
    assert score.means()['pa_mpjpe'] < 0.15


def test_pooled_tokens_give_other_bodies_in_the_same_places(network, clip):
    # Cameras of the tiny network are off by half a metre: the paper's threshold would join nobody over the views.
    joined = 'people.association.threshold=3'
    averaged, pooled = (
        InstantPredictor(single_pass(network, joined, f'pooling={pooling}'), 'tiny').predict(clip)
        for pooling in ('average', 'max')
    )
    assert np.isfinite(pooled.joints).all()
    assert averaged.joints.shape == pooled.joints.shape
    assert not np.allclose(averaged.joints, pooled.joints, atol=1e-3)
    np.testing.assert_allclose(averaged.joints[:, 15], pooled.joints[:, 15], atol=1e-5)


def test_heads_and_pelvises_of_single_images(network, clip):
    estimates = PelvisPredictor(single_pass(network), 'tiny').predict(clip)
    assert len(estimates.detection_head) > 4
    assert np.isfinite(estimates.detection_pelvis).all()
    assert not np.allclose(estimates.detection_pelvis, estimates.detection_pelvis_coarse)
    below = estimates.detection_pelvis[:, 1] > estimates.detection_head[:, 1]
    assert below.mean() > 0.8


def test_bodies_are_placed_by_their_head_whatever_the_layout(bodies):
    rng = np.random.default_rng(0)
    pose = np.tile(np.eye(3), (2, 52, 1, 1))
    root = np.stack([np.eye(3), np.diag([1.0, -1, -1])])
    head = rng.normal(size=(2, 3))
    for library in (BodyLibrary(), bodies):
        for layout in ('smpl24', 'coco17'):
            joints, found = body_joints(library, rng.normal(size=(2, 10)), pose, root, head, layout)
            place = 0 if found == 'coco17' else 15  # the copies have the key points of the face at the head
            np.testing.assert_allclose(joints[:, place], head, atol=1e-6)
            assert found == ('proxy22' if library.folder is None else layout)
