"""``chromm evaluate ...``: scores as a table for people and as JSON for programs."""

from __future__ import annotations

from json import dumps
from pathlib import Path

from tqdm import tqdm

from chromm_ros.evaluation.synthetic import SyntheticSettings, evaluate_synthetic


def synthetic(
    seed: int = 2_000_000,
    scenes: int = 20,
    views: int = 4,
    steps: int = 4,
    extrinsics: str = 'known',
    interval: float = 0.2,
    domain: str = 'studio',
    weights: Path | None = None,
    json: Path | None = None,
    pictures: Path | None = None,
) -> int:
    """Score the capture with the tiny network on synthetic rooms.

    Args:
        seed: of the first room; the others follow. The checkpoint was never trained or selected on 2 000 000 and up.
        scenes: rooms.
        views: cameras per room.
        steps: image sets per room.
        extrinsics: known (the capture is given the camera poses) or estimated.
        interval: seconds between image sets.
        domain: studio (as in training) or generic (walls of any colour).
        weights: another weight file than the one of this package.
        json: file for the numbers.
        pictures: folder for pictures of the estimates over the last images of every room.
    """
    from chromm_ros.body.model import BodyModel
    from chromm_ros.evaluation.overlays import write_overlay
    from chromm_ros.network.chromm import Chromm

    settings = SyntheticSettings(seed, scenes, views, steps, interval, extrinsics, domain)
    body = BodyModel.load()
    network = Chromm.from_preset('tiny', weights, body=body)
    if not network.trained:
        print('The network is not trained: these numbers say nothing about accuracy.')
    summary: dict = {}
    runs = evaluate_synthetic(network, body, settings)
    for number, (result, score) in enumerate(tqdm(runs, total=scenes, unit='room')):
        if pictures is not None:
            write_overlay(pictures / f'room_{seed + number}.png', result)
        summary = score.summary()
    print(table(summary))
    if json is not None:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(dumps(summary, indent=1))
    return 0


def ablation(
    output: Path = Path('docs/ablation.md'), seed: int = 0, scenes: int = 10, steps: int = 25, people: int = 6
) -> int:
    """Write what each part of tracking, association, fusion and scale is worth, on simulated estimates.

    Args:
        output: Markdown file to write.
        seed: of the first scene; the others follow.
        scenes: simulated scenes per table.
        steps: image sets per scene.
        people: people per scene.
    """
    from chromm_ros.evaluation.ablation import write_ablation

    command = f'chromm evaluate ablation --seed {seed} --scenes {scenes} --steps {steps} --people {people}'
    write_ablation(output, range(seed, seed + scenes), (steps, people), command)
    print(f'wrote {output}')
    return 0


def table(summary: dict, indent: int = 0) -> str:
    """A nested dictionary of numbers as aligned lines."""
    lines = []
    for name, value in summary.items():
        if isinstance(value, dict):
            lines += [' ' * indent + name, table(value, indent + 2)]
        else:
            text = '-' if value is None else f'{value:.4g}' if isinstance(value, float) else str(value)
            lines.append(f'{" " * indent}{name:<{30 - indent}}{text:>10}')
    return '\n'.join(lines)
