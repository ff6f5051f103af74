"""A step on a GPU must not make the host wait: nothing is read back, nothing of unknown size is made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from chromm_ros.body.model import BodyModel
from chromm_ros.network.chromm import Chromm
from chromm_ros.network.presets import choose
from chromm_ros.synthetic.pool import Pool
from chromm_ros.training import scene_stage
from chromm_ros.training.clips import Clips
from chromm_ros.training.head_stages import HeadStage, PelvisStage
from chromm_ros.training.human_stage import HumanBranch, HumanStage
from chromm_ros.training.sampling import FrameSampler, Sampling
from chromm_ros.training.scene_stage import SceneStage
from chromm_ros.training.trainer import Stage, Trainer, TrainerSettings
from chromm_ros.training.weights import PAPER_STAGE_1, TINY_STAGE_2

WAITS = {
    'aten::_local_scalar_dense': 'a number is read',
    'aten::equal': 'a truth value is read',
    'aten::is_nonzero': 'a truth value is read',
    'aten::nonzero': 'the size of the result has to be known',
    'aten::masked_select': 'the size of the result has to be known',
    'aten::_unique2': 'the size of the result has to be known',
    'aten::unique_dim': 'the size of the result has to be known',
    'aten::unique_consecutive': 'the size of the result has to be known',
    'aten::repeat_interleave.Tensor': 'the size of the result has to be known',
    'aten::_linalg_check_errors': 'whether it worked is read',
    'aten::lift_fresh': 'numbers of the host are uploaded',
}
"""Operators that stop the host until a GPU has done all before them."""


class NoWaiting(TorchDispatchMode):
    """Refuses what would make the host wait if the tensors were on a GPU."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.name()
        reason = WAITS.get(name) or WAITS.get(name.rpartition('.')[0])
        if func.overloadpacket in (torch.ops.aten.index, torch.ops.aten.index_put, torch.ops.aten.index_put_):
            chosen = [index for index in args[1] if index is not None]
            if any(index.dtype in (torch.bool, torch.uint8) for index in chosen):
                reason = 'a mask is an index: its true entries are counted'
        if reason:
            raise AssertionError(f'{name}: {reason}')
        return func(*args, **(kwargs or {}))


@pytest.fixture
def resident(pool: Pool) -> Clips:
    return Clips(pool, 'cpu')


@pytest.fixture(autouse=True)
def _what_is_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which views a condition counts for and which images make a batch is decided by the host, whatever the device:
    both are uploaded without waiting."""

    def on_the_host(function):
        def unwatched(*args, **kwargs):
            with _disable_current_modes():
                return function(*args, **kwargs)

        return unwatched

    monkeypatch.setattr(scene_stage, 'prepare', on_the_host(scene_stage.prepare))
    monkeypatch.setattr(SceneStage, 'told', on_the_host(SceneStage.told))
    monkeypatch.setattr(Clips, '_on_device', on_the_host(Clips._on_device))


def stage_of(kind: str, clips: Clips, body: BodyModel) -> Stage:
    network = Chromm(choose('tiny', 'chromm'))
    sampler = FrameSampler([clips], Sampling(8, (1 if kind in ('human', 'pelvis') else 4,)))
    if kind == 'scene':
        return SceneStage(network.scene, sampler, confidence_share=1.0)
    if kind == 'human':
        return HumanStage(HumanBranch(network.human_encoder, network.human_head), sampler, body)
    if kind == 'pelvis':
        return PelvisStage(network, sampler, body, TINY_STAGE_2, intrinsics_given=True)
    if kind == 'early fusion':
        network.join_people_early()
    return HeadStage(network, sampler, body, PAPER_STAGE_1, adjust_from=0.0)


@pytest.mark.parametrize('kind', ['scene', 'human', 'heads', 'early fusion', 'pelvis'])
def test_no_step_waits_for_the_device(resident: Clips, body: BodyModel, tmp_path: Path, kind: str) -> None:
    stage = stage_of(kind, resident, body).train()
    trainer = Trainer(stage, TrainerSettings(steps=10), tmp_path)
    batch = stage.sampler.draw(np.random.default_rng(0))
    trainer._take_step(batch)  # the optimiser makes its state in the first step
    before = [value.detach().clone() for value in stage.trained.parameters()]
    with NoWaiting():
        terms = trainer._take_step(batch)
    assert all(value.isfinite() for value in terms.values())
    assert any(not torch.equal(a, b) for a, b in zip(before, stage.trained.parameters()))


def test_a_batch_is_gathered_without_waiting(resident: Clips) -> None:
    sequences = [resident.sequence(4, np.random.default_rng(seed)) for seed in range(3)]
    with NoWaiting():
        resident.batch(sequences)


@pytest.mark.parametrize(
    'wait',
    [
        lambda x: x.sum().item(),
        lambda x: bool(x[0] > 0),
        lambda x: x[x > 0],
        lambda x: x.nonzero(),
        lambda x: x.unique(),
        lambda x: x.new_tensor([0.0]),
        lambda x: torch.linalg.inv(x.diag()),
    ],
)
def test_what_waits_is_noticed(wait) -> None:
    with NoWaiting(), pytest.raises(AssertionError):
        wait(torch.rand(3) + 1)


def test_scenes_in_memory_are_those_of_the_files(pool: Pool, clips: Clips, resident: Clips) -> None:
    sequences = [clips.sequence(5, np.random.default_rng(seed)) for seed in range(3)]
    expected, found = clips.batch(sequences), resident.batch(sequences)
    for name, value in vars(expected).items():
        torch.testing.assert_close(getattr(found, name), value, rtol=0, atol=0, equal_nan=True)
    assert resident.bytes == sum(values.nbytes for values in resident._resident.values())


def test_half_a_pool_is_kept_by_the_numbers_of_its_complete_scenes(pool: Pool, clips: Clips) -> None:
    resident = Clips(pool, 'cpu')
    resident.ready = resident.ready[1:]
    resident = replace_scenes(resident)
    expected = clips.batch([[(2, 1, 0)]])
    torch.testing.assert_close(resident.batch([[(1, 1, 0)]]).images, expected.images, rtol=0, atol=0)


def replace_scenes(clips: Clips) -> Clips:
    """The same with the scenes copied again, as if only the ``ready`` ones were complete."""
    clips._resident = {name: clips._copied(clips._stored(name)) for name in clips._resident}
    return clips
