"""``chromm weights``: what a weight file holds, whether it fits, and public checkpoints into one file."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Literal

import torch
from tyro.conf import Positional

from chromm_ros.body.model import BodyModel
from chromm_ros.network.chromm import Chromm
from chromm_ros.network.files import weight_file
from chromm_ros.network.files.conversion import HEADS, MULTI_HMR, PI3X, convert
from chromm_ros.network.presets import choose


def weights_list(file: Positional[Path | None] = None) -> None:
    """Say what a weight file holds, or, without one, which weights there are and where they come from.

    Args:
        file: a file of `chromm weights convert` or `chromm train`.
    """
    if file is None:
        packaged = weight_file.packaged('tiny')
        print(f'tiny: {"in this package" if packaged else "not in this package (make it with `chromm train`)"}')
        print('full: one file made by `chromm weights convert` from')
        for source in (PI3X, MULTI_HMR, HEADS):
            print(f'  {source.name}\n    {source.where}\n    {source.licence}')
        return
    tensors, metadata = weight_file.read(file)
    if metadata.get('format') != weight_file.FORMAT:
        print('not a file of this package')
    for name, value in sorted(metadata.items()):
        if name == 'parts':
            for part in json.loads(value):
                print(f'part: {part["part"]}: {part["name"]}, {part["licence"]}')
                print(f'      {part["file"]}, sha256 {part["sha256"]}')
        else:
            print(f'{name}: {value}')
    sizes = _sizes(tensors)
    width = max(map(len, sizes), default=0)
    for part, numbers in sizes.items():
        print(f'{part:<{width}} {numbers:>13,} numbers')


def weights_check(
    file: Positional[Path],
    preset: Literal['tiny', 'full'] = 'full',
    human_head: Literal['chromm', 'multi_hmr'] = 'chromm',
) -> int:
    """Check that a weight file is complete, finite and fits a preset. The exit code is 0 only when it does.

    Args:
        file: a file of `chromm weights convert` or `chromm train`.
        preset: the network that it is to fit.
        human_head: the head that is to run.
    """
    config = weight_file.configured(choose(preset, human_head), file)
    body = BodyModel.load()
    with torch.device('meta'):
        network = Chromm(config, body)
    network.load(file)
    broken = [key for key, tensor in network.state_dict().items() if not bool(torch.isfinite(tensor).all())]
    if broken:
        print(f'{file}: not finite: {", ".join(broken[:8])} ({len(broken)} in all)')
        return 1
    print(f'{file}: complete and finite, fits {preset} with human head {human_head}')
    return 0


def weights_convert(pi3x: Path, multi_hmr: Path, output: Path, heads: Path | None = None) -> None:
    """Make one safetensors file of the public weight_file. Nothing inside of them is executed.

    Args:
        pi3x: the public Pi3X model.safetensors.
        multi_hmr: the public multiHMR_896_L.pt.
        output: the file to write, about 7 GB.
        heads: CHROMM heads from `chromm train heads`; without them the file runs with human_head multi_hmr.
    """
    card = convert(pi3x, multi_hmr, output, heads)
    for part in json.loads(card['parts']):
        print(f'{part["name"]}: {part["licence"]}')
    print(f'wrote {output}')
    if heads is None:
        print('no CHROMM heads: start the node with human_head:=multi_hmr')


def _sizes(tensors: dict[str, torch.Tensor]) -> Counter[str]:
    """Numbers by part of the network."""
    sizes: Counter[str] = Counter()
    for key, tensor in tensors.items():
        sizes['.'.join(key.split('.')[:2])] += tensor.numel()
    return sizes
