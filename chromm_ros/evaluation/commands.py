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


def scripts(
    seed: int = 3_000_000,
    runs: int = 5,
    views: int = 4,
    script: tuple[str, ...] = (),
    weights: Path | None = None,
    json: Path | None = None,
    picture: Path | None = None,
) -> int:
    """See whether people keep their ids when they walk, leave and return, cross, or hide from all cameras but one.

    Args:
        seed: of the first world of every script; the others follow.
        runs: worlds per script.
        views: cameras per world.
        script: walks, leaves_and_returns, crossing, hidden; all of them when none is named.
        weights: another weight file than the one of this package.
        json: file for the numbers.
        picture: PNG of the first world of every script.
    """
    from chromm_ros.body.model import BodyModel
    from chromm_ros.evaluation.scripted import run_scripts
    from chromm_ros.evaluation.timelines import write_timelines
    from chromm_ros.network.chromm import Chromm
    from chromm_ros.synthetic.scripts import SCRIPTS

    body = BodyModel.load()
    network = Chromm.from_preset('tiny', weights, body=body)
    rows, shown = [], []
    print(f'{"script":<20}{"seed":>9}{"recall":>8}{"precision":>11}{"head m":>8}  ids of each person')
    for run in run_scripts(network, body, script or tuple(SCRIPTS), range(seed, seed + runs), views):
        ids = [run.ids_of(person) for person in range(run.ids.shape[1])]
        rows.append({'script': run.script, 'seed': run.seed, 'ids': ids, **run.scores})
        head = run.scores['head_error_m']['median']
        numbers = f'{run.scores["recall"]:>8.3f}{run.scores["precision"]:>11.3f}{head:>8.3f}'
        print(f'{run.script:<20}{run.seed:>9}{numbers}  {", ".join(map(str, ids))}', flush=True)
        if run.seed == seed:
            shown.append(run)
    kept = sum(len(ids) == 1 for row in rows for ids in row['ids'])
    print(f'{kept} of {sum(len(row["ids"]) for row in rows)} people had one id')
    if picture is not None:
        write_timelines(picture, shown)
    if json is not None:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(dumps(rows, indent=1))
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
