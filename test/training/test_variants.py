"""The alternatives of the paper's Tables 7 and 9 are trained, exported and found again."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.network.chromm import Chromm
from chromm_ros.network.presets import choose
from chromm_ros.training.clips import Clips
from chromm_ros.training.commands import Export
from chromm_ros.training.head_stages import HeadStage
from chromm_ros.training.sampling import FrameSampler, Sampling
from chromm_ros.training.trainer import Trainer, TrainerSettings
from chromm_ros.training.weights import TINY_STAGE_1


@pytest.mark.parametrize('form', ['direct', 'translation'])
def test_stage_1_trains_it_and_the_exported_file_has_it(
    clips: Clips, body: BodyModel, tmp_path: Path, form: str
) -> None:
    start = tmp_path / 'start.safetensors'
    network = Chromm(choose('tiny', 'chromm'))
    network.save(start)
    network.renew_human_head(form)
    before = {name: value.clone() for name, value in network.human_head.state_dict().items()}
    stage = HeadStage(network, FrameSampler([clips], Sampling(4, (2,))), body, TINY_STAGE_1).train()
    settings = TrainerSettings(steps=2, rate=1e-2)

    terms = Trainer(stage, settings, tmp_path / 'run', 'cpu').run()
    Export(file=tmp_path / 'trained.safetensors', weights=start, heads=tmp_path / 'run').run()

    assert all(torch.isfinite(torch.as_tensor(value)) for value in terms.values())
    trained = Chromm.from_preset('tiny', tmp_path / 'trained.safetensors')
    assert trained.config.human_head.depth == form
    decoder = 'decode_direct_depth' if form == 'direct' else 'decode_translation'
    moved = [name for name, value in trained.human_head.state_dict().items() if not value.equal(before[name])]
    assert any(name.startswith(decoder) for name in moved)


def test_people_who_join_the_decoder_early_are_learnt_through_it(
    clips: Clips, body: BodyModel, tmp_path: Path
) -> None:
    start = tmp_path / 'start.safetensors'
    network = Chromm(choose('tiny', 'chromm'))
    network.save(start)
    network.join_people_early()
    for decoder in (network.human_head.decode_pose, network.human_head.decode_depth):
        torch.nn.init.normal_(decoder[-1].weight, std=0.01)  # zeros would let no gradient through
    before = {name: value.clone() for name, value in network.scene.state_dict().items()}
    stage = HeadStage(network, FrameSampler([clips], Sampling(4, (2,))), body, TINY_STAGE_1).train()

    Trainer(stage, TrainerSettings(steps=2, rate=1e-2), tmp_path / 'run', 'cpu').run()
    Export(file=tmp_path / 'trained.safetensors', weights=start, heads=tmp_path / 'run').run()

    moved = {name for name, value in network.scene.state_dict().items() if not value.equal(before[name])}
    assert moved == {'human_tokens.project.weight', 'human_tokens.project.bias', 'human_tokens.nobody'}
    trained = Chromm.from_preset('tiny', tmp_path / 'trained.safetensors')
    assert trained.config.scene.human_dim
    assert not trained.scene.human_tokens.project.weight.allclose(before['human_tokens.project.weight'], atol=1e-4)
