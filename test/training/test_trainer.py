"""The loop on a stage small enough to see everything: a line fitted to the mean colour of images."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from chromm_ros.training.clips import ClipBatch, Clips
from chromm_ros.training.log import read_log
from chromm_ros.training.sampling import FrameSampler, Sampling
from chromm_ros.training.trainer import Stage, Trainer, TrainerSettings, learning_rate

SETTINGS = TrainerSettings(steps=20, rate=1e-2, warm_up=2, precision='fp32', log_every=5, save_minutes=100)


class MeanDepth(Stage):
    """Predicts the mean depth of an image from its mean colour."""

    trained: nn.Linear

    def __init__(self, clips: Clips) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.trained = nn.Linear(3, 1)
        self.sampler = FrameSampler([clips], Sampling(4, (2,)))

    def forward(self, batch: ClipBatch, generator: torch.Generator, progress: float) -> tuple[torch.Tensor, dict]:
        noise = 0.1 * torch.randn(batch.images.shape[:2], generator=generator)
        error = self.trained(batch.images.mean((-1, -2)))[..., 0] + noise - batch.depth.mean((-1, -2))
        loss = error.square().mean()
        return loss, {'error': loss.detach().sqrt()}


def losses(folder: Path) -> list[float]:
    return [row['loss'] for row in read_log(folder / 'log.csv')]


def test_it_learns_and_writes_down_what_it_did(clips: Clips, run_folder: Path) -> None:
    Trainer(MeanDepth(clips), SETTINGS, run_folder).run()
    rows = read_log(run_folder / 'log.csv')
    assert [row['step'] for row in rows] == [5, 10, 15, 20]
    assert rows[-1]['loss'] < rows[0]['loss']
    assert (run_folder / 'curves.png').stat().st_size > 1000


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(clips: Clips, tmp_path: Path) -> None:
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    first = Trainer(MeanDepth(clips), SETTINGS, whole)
    first.run()
    for until in (3, 11, 20):  # not at the rows of the log
        last = Trainer(MeanDepth(clips), SETTINGS, parts)
        last.run(until=until)
    assert last.step == 20
    for name, value in first.stage.trained.state_dict().items():
        assert torch.equal(value, last.stage.trained.state_dict()[name])
        assert torch.equal(first.average.state[name], last.average.state[name])
    assert losses(whole)[-1] == pytest.approx(losses(parts)[-1], rel=1e-5)


def test_a_run_of_another_network_is_not_resumed(clips: Clips, run_folder: Path) -> None:
    Trainer(MeanDepth(clips), SETTINGS, run_folder).run(until=2)
    stage = MeanDepth(clips)
    stage.trained = nn.Linear(3, 2)
    with pytest.raises(ValueError, match='another network'):
        Trainer(stage, SETTINGS, run_folder)


def test_a_broken_batch_does_not_break_the_weights(clips: Clips, run_folder: Path) -> None:
    stage = MeanDepth(clips)
    trainer = Trainer(stage, SETTINGS, run_folder)
    before = stage.trained.weight.detach().clone()
    stage.forward = lambda *_: (stage.trained.weight.sum() * float('nan'), {})  # type: ignore[method-assign]
    trainer.run(until=1)
    assert torch.equal(stage.trained.weight, before)


def test_a_timed_run_ends_by_the_clock_and_its_schedule_with_it(clips: Clips, run_folder: Path) -> None:
    settings = replace(SETTINGS, minutes=0.03, steps=1)
    trainer = Trainer(MeanDepth(clips), settings, run_folder)
    trainer.run(deadline=0.0)
    assert trainer.step == 1, 'a deadline that is over leaves one step'
    assert 0 < trainer.progress < 1
    again = Trainer(MeanDepth(clips), settings, run_folder)
    assert again.progress == trainer.progress
    again.run()
    assert again.step > 1
    assert again.progress == 1
    assert learning_rate(settings, again.progress, again.step) == pytest.approx(0.01 * settings.rate)


def test_several_processes_are_not_timed(clips: Clips, run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('chromm_ros.training.trainer.join_processes', lambda device: (0, 2))
    with pytest.raises(ValueError, match='give them steps, not minutes'):
        Trainer(MeanDepth(clips), replace(SETTINGS, minutes=1.0), run_folder)


def test_one_cycle_is_that_of_pytorch() -> None:
    settings = TrainerSettings(steps=100, rate=1e-3, schedule='one_cycle')
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    # PyTorch ends its phases one step early, so that its last step has the last rate
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-3, total_steps=101, pct_start=0.307)
    for step in range(100):
        assert learning_rate(settings, step / 100, step) == pytest.approx(theirs.get_last_lr()[0], abs=4e-5)
        optimizer.step()
        theirs.step()


def test_cosine_warms_up_and_ends_low() -> None:
    rates = [learning_rate(SETTINGS, step / 20, step) for step in range(20)]
    assert rates[0] == pytest.approx(SETTINGS.rate / 2)
    assert max(rates) == pytest.approx(SETTINGS.rate, rel=0.05)
    assert rates[-1] < 0.03 * SETTINGS.rate


TWO_PROCESSES = """
import sys
from pathlib import Path
import torch
from torch import distributed
from test_trainer import SETTINGS, MeanDepth
from chromm_ros.synthetic.pool import Pool
from chromm_ros.training.clips import Clips
from chromm_ros.training.trainer import Trainer
pool, folder = sys.argv[1:]
trainer = Trainer(MeanDepth(Clips(Pool(pool))), SETTINGS, Path(folder))
trainer.run(until=6)
rank = distributed.get_rank()
torch.save(trainer.stage.trained.state_dict(), Path(folder) / f'rank{rank}.pt')
distributed.barrier()
del trainer  # its reducer belongs to the group
distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_agree(clips: Clips, tmp_path: Path) -> None:
    """Both hold the same weights, and these are those of one process that saw the frames of both."""
    script = tmp_path / 'two.py'
    script.write_text(TWO_PROCESSES)
    environment = os.environ | {'PYTHONPATH': str(Path(__file__).parent), 'OMP_NUM_THREADS': '1'}
    subprocess.run(
        [
            sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2', str(script),
            str(clips.pool.path), str(tmp_path),
        ],
        check=True, env=environment, timeout=300,
    )  # fmt: skip
    first, second = (torch.load(tmp_path / f'rank{rank}.pt', weights_only=True) for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    alone = both_in_one(clips, 6)
    for name, value in alone.items():
        torch.testing.assert_close(value, first[name], atol=1e-6, rtol=1e-5)


def both_in_one(clips: Clips, steps: int) -> dict[str, torch.Tensor]:
    """The weights after averaging the gradients of the two ranks by hand."""
    from chromm_ros.training.sampling import augment, generators
    from chromm_ros.training.trainer import _optimizer

    stage = MeanDepth(clips)
    optimizer = _optimizer(stage.trained, SETTINGS)
    for step in range(steps):
        total = torch.zeros(())
        for rank in (0, 1):
            rng, generator = generators(SETTINGS.seed, step, rank)
            batch = augment(stage.sampler.draw(rng), generator)
            total = total + stage(batch, generator, 0.0)[0] / 2
        for group in optimizer.param_groups:
            group['lr'] = learning_rate(SETTINGS, step / SETTINGS.steps, step)
        optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(stage.trained.parameters(), SETTINGS.clip)
        optimizer.step()
    return stage.trained.state_dict()
