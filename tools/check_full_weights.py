"""Takes weights of full size through `chromm weights` and checks that the network computes the same from the result.

    python tools/check_full_weights.py            # 14 GB of disk, 6 GB of memory, ten minutes of CPU

The public files are made here, with synthetic numbers: every key and shape of the Pi3X safetensors file (1.4 billion
numbers) and of the Multi-HMR ``.pt`` with its pickled options. They are converted, checked, listed and loaded by the
real commands, in processes of their own whose time and memory are printed. Then they are damaged.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'test' / 'support'))

from weight_rule import drawn  # noqa: E402

from chromm_ros.body.model import BodyModel  # noqa: E402
from chromm_ros.network import Chromm  # noqa: E402
from chromm_ros.network.files.public_files import read_multi_hmr, read_tensors  # noqa: E402
from chromm_ros.network.presets import FULL_MULTI_HMR  # noqa: E402

FIXTURES = ROOT / 'test' / 'network' / 'fixtures'
SCENE_SIZE = (140, 182)
"""Small images for the scene branch; those of the human branch are 896x896 whatever comes in."""

PI3X, MULTI_HMR, CONVERTED = 'model.safetensors', 'multiHMR_896_L.pt', 'chromm_full.safetensors'


def main() -> int:
    """All steps in order; the exit code counts those that failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--folder', type=Path, help='where the files go while this runs (default: a temporary folder)'
    )
    parser.add_argument('--only', choices=STEPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        STEPS[options.only](options.folder)
        return 0
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        failed = [
            measured('make the public files', own('make', folder)),
            measured('chromm weights convert', convert(folder)),
            measured('chromm weights check', chromm('check', folder / CONVERTED, '--human-head', 'multi_hmr')),
            measured('chromm weights list', chromm('list', folder / CONVERTED)),
            measured('the same numbers', own('compare', folder)),
            *damaged(folder),
        ]
    print(f'{len(failed) - sum(failed)} of {len(failed)} steps passed')
    return sum(failed)


def own(step: str, folder: Path) -> list[object]:
    """This program, for one step in a process of its own."""
    return [sys.executable, __file__, '--folder', folder, '--only', step]


def chromm(*words: object) -> list[object]:
    """A command of ``chromm weights``."""
    return [sys.executable, '-m', 'chromm_ros.cli', 'weights', *words]


def convert(folder: Path) -> list[object]:
    files = {'--pi3x': PI3X, '--multi-hmr': MULTI_HMR, '--output': CONVERTED}
    return chromm('convert', *(word for option, name in files.items() for word in (option, folder / name)))


def measured(name: str, command: list[object]) -> bool:
    """Run a step, print what it took; returns whether it failed."""
    start, before = time.monotonic(), cpu_seconds()
    with tempfile.TemporaryFile('w+') as said:
        process = subprocess.Popen([*map(str, command)], stdout=said, stderr=subprocess.STDOUT)
        own = 0.0
        while process.poll() is None:
            own = max(own, own_memory(process.pid))
            time.sleep(0.2)
        said.seek(0)
        words = said.read()
    print(
        f'{name}: {"FAILED" if process.returncode else "passed"} in {time.monotonic() - start:.0f} s '
        f'({cpu_seconds() - before:.0f} s of CPU); '
        f'memory at most {own:.2f} GiB, without mapped files'
    )
    print(''.join(f'    {line}\n' for line in words.splitlines()), end='', flush=True)
    return process.returncode != 0


def cpu_seconds() -> float:
    """Of all processes that this one has started and seen end."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def own_memory(pid: int) -> float:
    """GiB that a process holds itself; pages of files that it maps can be given back at any time and do not count."""
    try:
        status = Path(f'/proc/{pid}/status').read_text()
    except OSError:  # it has just ended
        return 0.0
    return sum(int(line.split()[1]) for line in status.splitlines() if line.startswith('RssAnon')) / 2**20


def make(folder: Path) -> None:
    """Both public files, with numbers by rule."""
    shapes = json.loads((FIXTURES / 'pi3x' / 'state_dict_shapes.json').read_text())
    save_file({key: drawn(key, shape) for key, shape in shapes.items()}, folder / PI3X)
    shapes = json.loads((FIXTURES / 'multi_hmr' / 'state_dict_shapes.json').read_text())
    state = {key: drawn(key, shape) for key, shape in shapes.items()}
    state['smpl_layer.neutral_10.bm_x.betas'] = torch.zeros(1, 10)  # the public file has such entries
    args = argparse.Namespace(
        backbone='dinov2_vitl14', img_size=[896], num_betas=10, xat_depth=2, xat_num_heads=8, save_dir=Path('logs')
    )
    torch.save({'epoch': 1, 'iter': 2, 'model_state_dict': state, 'args': args}, folder / MULTI_HMR)


def compare(folder: Path) -> None:
    """The network of the converted file against the one that took the public files directly: every bit is equal."""
    body = BodyModel.load()
    with torch.device('meta'):
        reference = Chromm(FULL_MULTI_HMR, body)
    reference.scene.load_public(read_tensors(folder / PI3X).tensors)
    human = read_multi_hmr(folder / MULTI_HMR).tensors
    reference.human_encoder.load_public(human)
    reference.multi_hmr_head.load_public(human)
    network = Chromm.from_preset('full', folder / CONVERTED, human_head='multi_hmr', body=body)
    state = network.state_dict()
    same = [torch.equal(tensor, state[key]) for key, tensor in reference.state_dict().items()]
    if not all(same) or len(same) != len(state):
        raise SystemExit(f'{same.count(False)} of {len(state)} tensors differ')
    expected, found = numbers(reference.eval()), numbers(network)
    for name, value in expected.items():
        if not torch.equal(found[name], value):
            raise SystemExit(f'{name} differs by up to {(found[name] - value).abs().max()}')
    if not expected['valid'].any() or not expected['local_points'].isfinite().all():
        raise SystemExit('the network saw nobody, or its points are not finite: this compares nothing')
    print(f'{len(same)} tensors and {len(expected)} outputs are equal, {int(expected["valid"].sum())} people')


@torch.inference_mode()
def numbers(network: Chromm) -> dict[str, Any]:
    """Scene, cameras and people of two images."""
    images = [np.random.default_rng(row).integers(0, 256, (140, 182, 3), np.uint8) for row in range(2)]
    features = network.encode(images, scene_size=SCENE_SIZE)
    geometry = network.decode(features, with_confidence=True)
    people = network.people(features, geometry)
    scene = {name: getattr(geometry, name) for name in ('local_points', 'confidence', 'world_from_camera', 'tokens')}
    return scene | {'metric_scale': geometry.metric_scale, 'human_mask': geometry.human_mask} | vars(people)


def damaged(folder: Path) -> list[bool]:
    """Damaged files must be refused in a line or two; returns for each whether that failed."""
    checked = chromm('check', folder / CONVERTED, '--human-head', 'multi_hmr')
    lost = folder / 'not to be written'
    again = [*convert(folder), '--output', lost]
    return [
        refused('the last byte of the converted file is missing', checked, folder / CONVERTED, cut(1)),
        refused('half of the converted file is missing', checked, folder / CONVERTED, cut(2 << 30)),
        refused('the header of the converted file is garbage', checked, folder / CONVERTED, garble),
        refused('the converted file is empty', checked, folder / CONVERTED, lambda path: os.truncate(path, 0)),
        refused('the last byte of the Pi3X file is missing', again, folder / PI3X, cut(1)),
        refused('the header of the Pi3X file is garbage', again, folder / PI3X, garble),
        refused('the last byte of the .pt is missing', again, folder / MULTI_HMR, cut(1)),
        refused('half of the .pt is missing', again, folder / MULTI_HMR, cut(600 << 20)),
        lost.exists(),
    ]


def refused(name: str, command: list[object], path: Path, damage: Callable[[Path], None]) -> bool:
    """Damage a file and run a command on it; prints what it says. True: that was not a short refusal."""
    damage(path)
    result = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    good = result.returncode == 1 and path.name in result.stderr and len(result.stderr.splitlines()) == 1
    print(f'{name}: {"refused" if good else f"FAILED with exit code {result.returncode}"}')
    print(''.join(f'    {line}\n' for line in result.stderr.splitlines()), end='', flush=True)
    return not good


def cut(count: int) -> Callable[[Path], None]:
    """Damage that takes bytes from the end of a file."""
    return lambda path: os.truncate(path, path.stat().st_size - count)


def garble(path: Path) -> None:
    """Damage to the first bytes of a file."""
    with path.open('r+b') as file:
        file.seek(8)
        file.write(bytes(64))


STEPS: dict[str, Callable[[Path], None]] = {'make': make, 'compare': compare}

if __name__ == '__main__':
    sys.exit(main())
