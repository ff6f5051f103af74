from pathlib import Path

import pytest
import torch

from chromm_ros.network.chromm import Chromm
from chromm_ros.network.presets import choose
from chromm_ros.training.clips import Clips
from chromm_ros.training.commands import Export, Human, Scene
from chromm_ros.training.handover import averaged, ignore_scene_tokens, install
from chromm_ros.training.sampling import FrameSampler, Sampling
from chromm_ros.training.scene_stage import SceneStage
from chromm_ros.training.trainer import Trainer, TrainerSettings


def network() -> Chromm:
    return Chromm(choose('tiny', 'chromm')).eval()


def decode(chromm: Chromm, scene: torch.Tensor) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    human, ray = torch.randn(5, 128, generator=generator), torch.randn(5, 2, generator=generator)
    return chromm.human_head(scene, human, ray, torch.zeros(5), torch.full((5,), 3.0)).betas


def test_a_head_that_saw_no_scene_ignores_it() -> None:
    chromm = network()
    with torch.no_grad():
        chromm.human_head.scene_norm.bias.normal_()
        chromm.human_head.decode_betas[-1].weight.normal_()
    blind = decode(chromm, torch.zeros(5, 256))
    assert not torch.allclose(decode(chromm, torch.randn(5, 256)), blind)
    ignore_scene_tokens(chromm.human_head)
    torch.testing.assert_close(decode(chromm, torch.zeros(5, 256)), blind, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(decode(chromm, torch.randn(5, 256)), blind, atol=1e-4, rtol=1e-4)


def test_a_run_becomes_a_file_that_the_network_loads(clips: Clips, tmp_path: Path) -> None:
    folder = tmp_path / 'scene'
    stage = SceneStage(network().scene.train(), FrameSampler([clips], Sampling(4, (2,))))
    trainer = Trainer(stage, TrainerSettings(steps=2), folder)
    trainer.run()
    file = tmp_path / 'tiny.safetensors'
    Export(file=file, scene=folder).run()
    loaded = Chromm.from_preset('tiny', file)
    assert loaded.trained
    expected = trainer.average.state['register_token']
    torch.testing.assert_close(loaded.scene.register_token, expected, atol=1e-3, rtol=1e-3)


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='train that part first'):
        averaged(tmp_path)


def test_weights_of_another_part_are_refused() -> None:
    with pytest.raises(ValueError, match='scene part'):
        install(network(), 'scene', {'nothing': torch.zeros(1)})


def test_pre_training_goes_on_from_weights(clips: Clips, tmp_path: Path) -> None:
    Chromm(choose('tiny', 'chromm')).save(tmp_path / 'start.safetensors')
    start = Chromm.from_preset('tiny', tmp_path / 'start.safetensors')
    common = {'pools': (clips.pool.path,), 'weights': tmp_path / 'start.safetensors'}
    scene = Scene(folder=tmp_path / 'scene', **common).prepared().stage.trained
    human = Human(folder=tmp_path / 'human', **common).prepared().stage.trained
    for found, expected in (
        (scene, start.scene),
        (human.encoder, start.human_encoder),
        (human.head, start.human_head),
    ):
        assert all(torch.equal(value, expected.state_dict()[name]) for name, value in found.state_dict().items())
        assert all(value.requires_grad for value in found.parameters())
