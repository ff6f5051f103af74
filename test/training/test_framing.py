from dataclasses import replace

import numpy as np
import pytest
import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.network.chromm import Chromm
from chromm_ros.network.presets import TINY
from chromm_ros.training.clips import ClipBatch, Clips
from chromm_ros.training.framing import for_humans, for_scene
from chromm_ros.training.head_stages import HeadStage, PelvisStage
from chromm_ros.training.sampling import FrameSampler, Sampling, generators
from chromm_ros.training.targets import people_targets

SMALL_SCENE = replace(TINY.scene, pixel_limit=128 * 96)
SQUARE = (224, 224)


@pytest.fixture
def batch(clips: Clips) -> ClipBatch:
    return FrameSampler([clips], Sampling(12, (4,))).draw(np.random.default_rng(3))


def test_nothing_is_touched_where_all_sizes_agree(batch: ClipBatch) -> None:
    assert for_scene(batch, TINY.scene) is batch
    assert for_humans(batch, TINY.human.image_size)[0] is batch


def test_the_same_people_are_taught_in_other_pixels(batch: ClipBatch, body: BodyModel) -> None:
    plain = people_targets(batch, body, patch=1)
    scene = for_scene(batch, SMALL_SCENE)
    assert scene.image_size == (96, 128)
    people, box = for_humans(scene, SQUARE)
    assert people.image_size == SQUARE
    framed = people_targets(people, body, patch=1)
    assert (framed.seen ^ plain.seen).sum() <= 2  # a silhouette at the edge of a head may decide otherwise
    both = framed.seen & plain.seen
    heads = box.to_image(framed.head_px) * (192 / 128)
    torch.testing.assert_close(heads[both], plain.head_px[both], atol=0.01, rtol=0)


def test_the_border_is_black_empty_and_unknown(batch: ClipBatch) -> None:
    people, box = for_humans(batch, SQUARE)
    border = int(box.offset[1]) - 1
    assert border > 10
    assert float(people.images[..., :border, :].max()) == 0
    assert float(people.depth[:, :, : border // 2].max()) == 0
    assert int(people.instance[:, :, : border // 2].max()) == 0
    share = (people.instance > 0).float().mean() / (batch.instance > 0).float().mean()
    assert float(share) == pytest.approx(144 / 192, rel=0.05)  # the image fills this part of the square


@pytest.mark.parametrize('kind', [HeadStage, PelvisStage])
def test_stages_run_where_the_branches_want_other_sizes(clips: Clips, body: BodyModel, kind) -> None:
    config = replace(TINY, scene=SMALL_SCENE, human=replace(TINY.human, image_size=SQUARE))
    stage = kind(Chromm(config), FrameSampler([clips], Sampling(4, (2,))), body).train()
    rng, generator = generators(0, 1)
    loss, terms = stage(stage.sampler.draw(rng), generator, 0.9)
    loss.backward()
    assert all(torch.isfinite(value).all() for value in terms.values())
