"""Data sets as what a run learns from: options of the command line, shares, epochs, and the licences that follow."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.registry import open_dataset, split_kind
from chromm_ros.network.layers.preprocessing import target_size
from chromm_ros.network.presets import choose
from chromm_ros.training.recorded import RecordedClips
from chromm_ros.training.sampling import FrameSampler

SHARES = {'bedlam': 0.5, 'coco': 0.25, 'mpii': 0.15, '3dpw': 0.1}
"""How often stage 2 draws from each set: the paper mixes them and names no shares."""

METRIC = ('bedlam',)
"""Sets with people in metres: all but stage 2 learn from them alone."""

CARD = 'data.json'
"""In the folder of a run: the data sets that it saw."""


@dataclass
class Bedlam:
    """What is taken of BEDLAM."""

    closeup: bool = True
    """Scenes that are stored lying."""
    hdri: bool = False
    """Scenes before a sky dome, which have no depth."""
    broken: bool = False
    """Sequences that CUT3R and Human3R leave out."""
    labels: Path | None = None
    """Another folder of label files than those among the scenes."""
    unscaled: bool = False
    """Let people of scenes without depth count in metres, without s_opt."""


def open_data(
    data: Sequence[str], bodies: Path | None, preset: str, bedlam: Bedlam, suits: Sequence[str]
) -> list[RecordedClips]:
    """The training splits of data sets.

    Args:
        data: KIND:DIR of each.
        bodies: folder with SMPLX_NEUTRAL.npz.
        preset: whose image size is used.
        suits: kinds that the stage can learn from.

    Raises:
        OSError, ValueError: a folder or file is missing, or a set does not suit.
    """
    if bodies is None:
        raise ValueError('training on data sets needs --bodies DIR with SMPLX_NEUTRAL.npz (smpl-x.is.tue.mpg.de)')
    library = BodyLibrary(bodies)
    scene = choose(preset, 'chromm').scene

    def canvas(width: int, height: int) -> tuple[int, int]:
        return target_size(width, height, scene.encoder.patch, scene.pixel_limit)

    sources = []
    for argument in data:
        kind, folder = split_kind(argument)
        if kind not in suits:
            raise ValueError(f'{argument}: this stage learns from {", ".join(suits)}')
        options: dict[str, object] = {'truth': 'neuralannot'} if kind == '3dpw' else {}
        if kind == 'bedlam':
            options = {name: getattr(bedlam, name) for name in ('closeup', 'hdri', 'broken', 'labels')}
        dataset = open_dataset(kind, folder, library, **options)
        sources.append(RecordedClips(dataset, library, canvas, 'train', bedlam.unscaled))
    return sources


def shares_of(sources: Sequence[RecordedClips], given: Sequence[str]) -> list[float]:
    """How often each source is drawn from.

    Args:
        given: ``KIND=NUMBER``; others keep theirs.

    Raises:
        ValueError: one of them is something else, or nothing is left.
    """
    shares = dict(SHARES)
    for argument in given:
        kind, _, number = argument.partition('=')
        try:
            shares[kind] = float(number)
        except ValueError:
            raise ValueError(f'{argument!r}: expected KIND=NUMBER, such as bedlam=0.5') from None
        if kind not in SHARES or not shares[kind] >= 0:
            raise ValueError(f'{argument!r}: expected one of {", ".join(SHARES)} and a number of 0 or more')
    found = [shares[source.dataset.name] for source in sources]
    if not sum(found) > 0:
        raise ValueError('the shares of all data sets are 0')
    return found


def steps_of(sampler: FrameSampler, epochs: float) -> int:
    """Steps in which every shot (every image, where sequences have one) is drawn ``epochs`` times on average."""
    sampling = sampler.sampling
    stills = sampling.lengths == (1,)
    samples = sum(source.weight if stills else len(source) for source in sampler.sources)
    per_step = sum(max(1, sampling.images // length) for length in sampling.lengths) / len(sampling.lengths)
    return max(1, round(epochs * samples / (per_step * int(os.environ.get('WORLD_SIZE', 1)))))


def describe(sources: Sequence[RecordedClips], shares: Sequence[float]) -> list[str]:
    """One line per source, and what of it cannot be used."""
    lines = []
    for source, share in zip(sources, shares):
        total = sum(shares)
        lines.append(
            f'{source.dataset.name}: {len(source.shots)} sequences, {source.lengths.sum()} images, '
            f'{100 * share / total:.0f} % of the steps. {source.dataset.licence}'
        )
        if source.lost:
            lines.append(
                f'{source.dataset.name}: {len(source.lost)} sequences cannot be used, such as {source.lost[0]}'
            )
    return lines


def write_card(folder: Path, sources: Sequence[RecordedClips]) -> None:
    """Leave in the folder of a run which data sets it saw: weights that come out inherit their terms."""
    folder.mkdir(parents=True, exist_ok=True)
    card = {source.dataset.name: source.dataset.licence for source in sources}
    (folder / CARD).write_text(json.dumps(card, indent=1))


def read_card(folder: Path) -> dict[str, str]:
    """Data sets that a run saw, and their licences; empty for rendered rooms."""
    file = folder / CARD
    return json.loads(file.read_text()) if file.is_file() else {}


def announce(lines: Sequence[str]) -> None:
    """Say it once, whatever the number of processes."""
    if int(os.environ.get('RANK', 0)) == 0:
        for line in lines:
            tqdm.write(line)
