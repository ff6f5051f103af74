"""The two stages on data sets through the command line: options, schedules, and runs that are killed and resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from fake_bedlam import fake_bedlam
from fake_images import fake_3dpw, fake_single_images
from safetensors import safe_open

from chromm_ros.body.library import BodyLibrary
from chromm_ros.training import data_sets
from chromm_ros.training.commands import Export, Heads, Pelvis
from chromm_ros.training.log import read_log
from chromm_ros.training.sampling import FrameSampler, Sampling

WEIGHTS = Path(str(files('chromm_ros.network') / 'weights' / 'tiny.safetensors'))


@pytest.fixture(scope='module')
def folders(tmp_path_factory: pytest.TempPathFactory, bodies: BodyLibrary) -> dict[str, Path]:
    base = tmp_path_factory.mktemp('sets')
    for kind in ('bedlam', 'coco', 'mpii', '3dpw'):
        (base / kind).mkdir()
    return {
        'bedlam': fake_bedlam(base / 'bedlam', bodies, images=4),
        'coco': fake_single_images(base / 'coco', bodies, 'coco'),
        'mpii': fake_single_images(base / 'mpii', bodies, 'mpii'),
        '3dpw': fake_3dpw(base / '3dpw', bodies, 'train'),
    }


def named(folders: dict[str, Path], *kinds: str) -> list[str]:
    return [f'{kind}:{folders[kind]}' for kind in kinds]


def sources(folders: dict[str, Path], body_folder: Path, *kinds: str) -> list:
    return data_sets.open_data(
        named(folders, *kinds), body_folder, 'tiny', data_sets.Bedlam(), tuple(data_sets.SHARES)
    )


def test_shares_are_those_of_the_sets_that_are_there(folders: dict[str, Path], body_folder: Path) -> None:
    found = sources(folders, body_folder, 'bedlam', 'coco')
    assert data_sets.shares_of(found, ()) == [0.5, 0.25]
    assert data_sets.shares_of(found, ('coco=3',)) == [0.5, 3.0]
    for argument in ('coco', 'coco=many', 'emdb=1', 'coco=-1', 'coco=nan'):
        with pytest.raises(ValueError, match=argument.split('=')[0]):
            data_sets.shares_of(found, (argument,))
    with pytest.raises(ValueError, match='all data sets are 0'):
        data_sets.shares_of(found, ('coco=0', 'bedlam=0'))
    lines = data_sets.describe(found, [0.5, 0.25])
    assert lines[0].startswith('bedlam: 3 sequences, 12 images, 67 % of the steps. BEDLAM: non-commercial')


def test_epochs_count_sequences_or_single_images(
    folders: dict[str, Path], body_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = sources(folders, body_folder, 'bedlam')
    assert data_sets.steps_of(FrameSampler(found, Sampling(24, (24,))), 20) == 60  # 3 shots, one per step
    assert data_sets.steps_of(FrameSampler(found, Sampling(4, (1,))), 10) == 30  # 12 images, four per step
    monkeypatch.setenv('WORLD_SIZE', '2')
    assert data_sets.steps_of(FrameSampler(found, Sampling(4, (1,))), 10) == 15


def test_the_full_preset_has_the_schedules_of_the_paper(folders: dict[str, Path], body_folder: Path) -> None:
    for kind, rate, steps in ((Heads, 5e-5, 20), (Pelvis, 1e-4, 10)):
        run = kind(
            folder=Path('run'),
            data=tuple(named(folders, 'bedlam')),
            bodies=body_folder,
            weights=WEIGHTS,
            preset='full',
        )
        found = sources(folders, body_folder, 'bedlam')
        sampler = FrameSampler(found, Sampling(24, (24,) if kind is Heads else (1,)))
        settings = run.settings(sampler)
        assert settings.rate == rate
        assert settings.schedule == 'one_cycle'
        assert settings.steps == data_sets.steps_of(sampler, steps)
        assert settings.loaders == 0
        assert replace(run, device='cuda').settings(sampler).loaders == 4
    assert Heads(folder=Path('run'), weights=WEIGHTS, preset='full').lengths == tuple(range(2, 25))


def test_what_cannot_be_learnt_from_is_refused(folders: dict[str, Path], body_folder: Path, tmp_path: Path) -> None:
    run = Heads(folder=tmp_path, data=tuple(named(folders, 'coco')), bodies=body_folder, weights=WEIGHTS)
    with pytest.raises(ValueError, match='this stage learns from bedlam'):
        run.sampler()
    with pytest.raises(ValueError, match='needs --bodies'):
        Heads(folder=tmp_path, data=tuple(named(folders, 'bedlam')), weights=WEIGHTS).sampler()
    with pytest.raises(FileNotFoundError, match=r'SMPLX_NEUTRAL\.npz'):
        Heads(folder=tmp_path, data=tuple(named(folders, 'bedlam')), bodies=tmp_path, weights=WEIGHTS).sampler()
    with pytest.raises(ValueError, match='nothing to learn from'):
        Heads(folder=tmp_path, weights=WEIGHTS).sampler()
    with pytest.raises(ValueError, match='not from both'):
        Heads(folder=tmp_path, data=('bedlam:x',), pools=(tmp_path,), weights=WEIGHTS).sampler()


TWO_STAGES = """
import sys
from pathlib import Path
from chromm_ros.training.commands import Heads, Pelvis
from chromm_ros.training.trainer import TrainerSettings
folder, bodies, weights, steps, *data = sys.argv[1:]
trainer = TrainerSettings(steps=int(steps), rate=1e-4, log_every=1, save_minutes=0, precision='fp32', loaders=1)
common = dict(bodies=Path(bodies), weights=Path(weights), images=2, trainer=trainer)
Heads(folder=Path(folder) / 'heads', data=tuple(data[:1]), **common).run()
Pelvis(folder=Path(folder) / 'pelvis', data=tuple(data), **common).run()
"""

STEPS = 5


def losses(folder: Path) -> dict[int, float]:
    return {int(row['step']): row['loss'] for row in read_log(folder / 'log.csv')}


@pytest.mark.slow
def test_runs_of_two_processes_that_are_killed_resume_to_the_same_loss(
    folders: dict[str, Path], body_folder: Path, tmp_path: Path
) -> None:
    """Stage 1 on BEDLAM, then stage 2 on the mix; killed once in each."""
    environment = os.environ | {'OMP_NUM_THREADS': '1', 'OMP_WAIT_POLICY': 'passive'}
    (tmp_path / 'two.py').write_text(TWO_STAGES)

    def start(name: str) -> subprocess.Popen:
        command = [
            sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2',
            str(tmp_path / 'two.py'), str(tmp_path / name), str(body_folder), str(WEIGHTS), str(STEPS),
            *named(folders, 'bedlam', 'coco', 'mpii', '3dpw'),
        ]  # fmt: skip
        return subprocess.Popen(
            command, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    assert start('whole').wait(250) == 0
    for stage in ('heads', 'pelvis'):
        process = start('killed')
        while len(losses(tmp_path / 'killed' / stage)) < 2:
            assert process.poll() is None
            time.sleep(0.02)
        workers = Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text().split()
        assert len(workers) == 2
        for pid in (process.pid, *map(int, workers)):  # torchrun gives each a session of its own
            os.killpg(pid, signal.SIGKILL)
        process.wait()
        assert len(losses(tmp_path / 'killed' / stage)) < STEPS
    assert start('killed').wait(250) == 0
    for stage in ('heads', 'pelvis'):
        expected = losses(tmp_path / 'whole' / stage)
        assert len(expected) == STEPS
        assert losses(tmp_path / 'killed' / stage) == pytest.approx(expected, rel=1e-5)

    file = tmp_path / 'out.safetensors'
    Export(file=file, weights=WEIGHTS, heads=tmp_path / 'killed' / 'heads').run()
    with safe_open(file, 'pt') as weights:
        assert json.loads(weights.metadata()['data'])['bedlam'].startswith('BEDLAM: non-commercial')
