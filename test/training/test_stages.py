"""Every loss reaches the heads it is meant for, frozen parts stay frozen, four rooms can be learnt by heart."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from chromm_ros.body.model import BodyModel
from chromm_ros.network.chromm import Chromm
from chromm_ros.network.presets import choose
from chromm_ros.training.clips import Clips
from chromm_ros.training.head_stages import HeadStage, PelvisStage
from chromm_ros.training.human_stage import HumanBranch, HumanStage
from chromm_ros.training.sampling import FrameSampler, Sampling, generators
from chromm_ros.training.scene_stage import SceneStage
from chromm_ros.training.trainer import Stage, Trainer, TrainerSettings
from chromm_ros.training.weights import PAPER_STAGE_1, PAPER_STAGE_2, TINY_HUMAN, HumanWeights, SceneWeights


def network() -> Chromm:
    torch.manual_seed(1)
    chromm = Chromm(choose('tiny', 'chromm'))
    head = chromm.human_head
    for decoder in (head.decode_pose, head.decode_root, head.decode_betas, head.decode_depth):
        nn.init.normal_(
            decoder[-1].weight, std=0.01
        )  # a zero output layer lets no gradient through to what is before it
    return chromm


def sampler(clips: Clips, length: int = 1, images: int = 8) -> FrameSampler:
    return FrameSampler([clips], Sampling(images, (length,)))


def moved(stage: Stage, progress: float = 0.0) -> tuple[set[str], dict[str, torch.Tensor]]:
    """Names of the parameters that get a gradient in one step, and the terms of the loss."""
    rng, generator = generators(0, 0)
    stage.train()
    stage.zero_grad()
    loss, terms = stage(stage.sampler.draw(rng), generator, progress)
    loss.backward()
    names = {
        name
        for name, value in stage.named_parameters()
        if value.grad is not None and bool(value.grad.abs().sum() > 0)
    }
    return names, terms


def human_stage(clips: Clips, body: BodyModel, weights: HumanWeights) -> HumanStage:
    chromm = network()
    return HumanStage(HumanBranch(chromm.human_encoder, chromm.human_head), sampler(clips), body, weights)


ONLY = HumanWeights(focal=False)

REACH = {
    'v3d': ('decode_pose', 'decode_root', 'decode_betas', 'decode_depth', 'fuse'),
    'j3d': ('decode_pose', 'decode_root', 'decode_betas', 'decode_depth', 'fuse'),
    'v2d': ('decode_pose', 'decode_root', 'decode_depth', 'fuse'),
    'j2d': ('decode_pose', 'decode_root', 'decode_depth', 'fuse'),
    'theta': ('decode_pose', 'decode_root', 'fuse'),
    'beta': ('decode_betas', 'fuse'),
    'tau': ('decode_depth', 'fuse'),
    'mask': ('encoder.mask',),
    'head': ('encoder.detection',),
    'pelvis': ('pelvis.coarse', 'pelvis.fine'),
    'offset': ('encoder.offset',),
    'root': ('decode_root', 'fuse'),
    'canonical': ('decode_pose', 'decode_betas', 'fuse'),
    'relative': ('decode_pose', 'decode_root', 'decode_betas', 'fuse'),
    'log_depth': ('decode_depth', 'decode_trust', 'fuse'),
    'own_depth': ('decode_depth', 'fuse'),
}


@pytest.mark.parametrize('term', REACH)
def test_each_loss_reaches_its_heads(clips: Clips, body: BodyModel, term: str) -> None:
    names, terms = moved(human_stage(clips, body, replace(ONLY, **{term: 1.0})))
    assert term in terms
    for part in (*REACH[term], 'encoder.backbone'):
        assert any(part in name for name in names), f'{term} moves nothing in {part}'


def test_detection_is_focal_or_bce(clips: Clips, body: BodyModel) -> None:
    losses = [
        float(moved(human_stage(clips, body, replace(ONLY, head=1.0, focal=focal)))[1]['head'])
        for focal in (True, False)
    ]
    assert losses[0] != losses[1]


SCENE_REACH = {
    'depth': ('point_head', 'metric_head'),
    'edges': ('point_head',),
    'rays': ('point_head',),
    'rotation': ('camera_head',),
    'translation': ('camera_head', 'metric_head'),
    'relative_rotation': ('camera_head',),
    'relative_translation': ('camera_head',),
    'confidence': ('conf_head', 'conf_decoder'),
}


@pytest.mark.parametrize('term', SCENE_REACH)
def test_each_scene_loss_reaches_its_heads(clips: Clips, term: str) -> None:
    silent = dict.fromkeys(vars(SceneWeights()), 0.0) | {'people': 5.0}
    weights = SceneWeights(**silent | {term: 1.0})
    stage = SceneStage(network().scene, sampler(clips, 4), weights, confidence_share=1.0)
    names, _ = moved(stage)
    for part in (*SCENE_REACH[term], 'encoder', 'decoder'):
        assert any(part in name for name in names), f'{term} moves nothing in {part}'


def test_rays_help_where_they_are_told(clips: Clips) -> None:
    names, _ = moved(SceneStage(network().scene, sampler(clips, 4), rays_given=1.0))
    assert any('ray_embed' in name for name in names)
    names, _ = moved(SceneStage(network().scene, sampler(clips, 4), rays_given=0.0))
    assert not any('ray_embed' in name for name in names)


@pytest.mark.parametrize('progress', [0.0, 0.9])
def test_stage_1_moves_the_heads_and_no_backbone(clips: Clips, body: BodyModel, progress: float) -> None:
    stage = HeadStage(network(), sampler(clips, 4), body, PAPER_STAGE_1)
    before = {name: value.clone() for name, value in stage.state_dict().items() if 'running' in name}
    names, terms = moved(stage, progress)
    assert set(PAPER_TERMS) <= set(terms)
    assert all(torch.isfinite(value).all() for value in terms.values())
    for part in ('decode_pose', 'decode_root', 'decode_betas', 'decode_depth', 'fuse', 'mask', 'detection', 'pelvis'):
        assert any(part in name for name in names), f'stage 1 does not move {part}'
    assert not [name for name in names if 'backbone' in name or name.startswith('scene.')]
    assert all(torch.equal(value, stage.state_dict()[name]) for name, value in before.items())


PAPER_TERMS = ('v3d', 'j3d', 'v2d', 'j2d', 'theta', 'beta', 'tau', 'mask', 'head', 'pelvis')


def test_scale_adjustment_joins_in_late(clips: Clips, body: BodyModel) -> None:
    stage = HeadStage(network(), sampler(clips, 4), body, replace(ONLY, log_depth=1.0))
    early, late = (float(moved(stage, progress)[1]['log_depth']) for progress in (0.49, 0.51))
    assert early != late


@pytest.mark.parametrize('given', [True, False])
def test_stage_2_moves_the_pelvis_alone(clips: Clips, body: BodyModel, given: bool) -> None:
    stage = PelvisStage(network(), sampler(clips), body, PAPER_STAGE_2, intrinsics_given=given)
    names, terms = moved(stage)
    assert set(terms) == {'v2d', 'j2d', 'head', 'pelvis', 'chamfer'}
    assert names
    assert all('pelvis' in name for name in names)


@pytest.mark.parametrize('term', ['j2d', 'v2d', 'chamfer'])
def test_scale_teaches_the_pelvis(clips: Clips, body: BodyModel, term: str) -> None:
    """Reprojection and Chamfer losses reach the pelvis MLPs through the scale adjustment."""
    chromm = network()
    coarse = chromm.human_encoder.pelvis.coarse[-1]
    nn.init.zeros_(coarse.weight)
    coarse.bias.data = torch.tensor([0.0, 0.2])  # 38 pixels under the head: a length that has a vote
    stage = PelvisStage(chromm, sampler(clips, images=12), body, replace(ONLY, **{term: 1.0}), intrinsics_given=True)
    names, _ = moved(stage)
    assert any('pelvis.fine' in name for name in names)


class Four(FrameSampler):
    """The same four images at every step."""

    def draw(self, rng):
        return self.sources[0].batch([[(scene, 0, 0)] for scene in range(4)])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_four_rooms_are_learnt_by_heart(clips: Clips, body: BodyModel, run_folder) -> None:
    stage = human_stage(clips, body, TINY_HUMAN)
    stage.sampler = Four([clips], Sampling(4))
    stage.head_jitter = 0.0
    settings = TrainerSettings(steps=300, rate=2e-3, warm_up=20, clip=2.0, average=0.9, log_every=10)
    terms = Trainer(stage.train(), settings, run_folder / 'human').run()
    assert terms['root_deg'] < 8
    assert terms['relative'] < 0.06  # metres
    assert terms['own_depth'] < 0.05  # relative
    assert terms['head'] < 0.01
    assert terms['offset'] < 0.05  # patches

    scene = SceneStage(network().scene, Four([clips], Sampling(4)))
    settings = replace(settings, steps=150, clip=1.0)
    terms = Trainer(scene.train(), settings, run_folder / 'scene').run()
    assert terms['depth'] < 0.12
    assert terms['rotation'] < 0.1
    assert terms['translation'] < 0.15  # metres
