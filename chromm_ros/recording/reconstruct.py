"""The capture on recordings: the same pipeline as live, in long windows, with files as its result."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from chromm_ros.body.model import BodyModel
from chromm_ros.capture.capture import Capture
from chromm_ros.flow import Cloud, ImageSet, Snapshot, Step
from chromm_ros.recording.exports import write_people, write_trajectories
from chromm_ros.recording.notes import left_out
from chromm_ros.recording.pages import PageRecorder
from chromm_ros.recording.ply import write_ply
from chromm_ros.recording.sources import Source
from chromm_ros.recording.state_files import load_state, save_state

RESUME = 'resume.npz'
SUMMARY = 'summary.json'


@dataclass(frozen=True)
class Summary:
    """What a run did; written last, so that its presence says that the folder is complete."""

    image_sets: int
    windows: int
    people: int
    """Distinct identities."""
    rows: int
    """Person and time steps in ``people.npz``."""
    points: int
    seconds: float
    """Of computation, over all sittings."""
    dropped: dict[str, int]
    """Images, sets and people that were left out, by reason."""
    notes: tuple[str, ...]


@dataclass
class Progress:
    """Everything that a run knows so far, apart from the capture itself."""

    image_sets: int = 0
    windows: int = 0
    seconds: float = 0.0
    steps: list[Step] = field(default_factory=list)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)  # width, height [px]
    notes: list[str] = field(default_factory=list)
    session: str = ''
    first_id: int = 0
    """What is added to the ids of the session, which begin anew where time went back."""


def reconstruct(source: Source, capture: Capture, body: BodyModel, out: Path, *, quiet: bool = False) -> Summary:
    """Run ``capture`` over ``source`` and write people, scene, cameras and a page into ``out``.

    An interrupted run leaves ``resume.npz`` behind after every window; called again, it goes on from there and gives
    the same result as an uninterrupted one.

    Raises:
        ValueError: the source holds nothing, or the saved state does not belong to it.
        OSError: ``out`` cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    tools = {'network': capture.network, 'body': capture.body}
    progress = _resumed(capture, out / RESUME, tools)
    page = PageRecorder(body)
    with tqdm(total=source.count, unit=' sets', desc=out.name, disable=quiet, initial=progress.image_sets) as bar:
        started = time.monotonic()
        for image_set in _remaining(source, progress.image_sets):
            page.remember(image_set)
            snapshot = capture.add(image_set)
            progress.image_sets += 1
            progress.sizes.update({name: view.pixels.shape[1::-1] for name, view in image_set.views.items()})
            bar.update()
            if snapshot is not None:
                _take(progress, snapshot)
                bar.set_postfix(people=len({human.id for step in progress.steps for human in step.humans}))
                progress.seconds += time.monotonic() - started
                started = time.monotonic()
                save_state(out / RESUME, {'progress': progress, 'capture': vars(capture)}, tools)
        last = capture.flush()
        if last is not None:
            _take(progress, last)
        progress.seconds += time.monotonic() - started
    if not progress.image_sets:
        why = '; '.join((*source.notes, left_out(source.dropped)))
        raise ValueError(f'no image set could be made of the input: {why or "it holds no images"}')
    progress.notes.extend(note for note in source.notes if note not in progress.notes)
    summary = _write(out, progress, capture, body, page, source.dropped)
    (out / RESUME).unlink(missing_ok=True)
    return summary


def _resumed(capture: Capture, path: Path, tools: dict[str, Any]) -> Progress:
    if not path.is_file():
        return Progress()
    state = load_state(path, tools)
    vars(capture).update(state['capture'])
    return state['progress']


def _remaining(source: Source, done: int) -> Iterator[ImageSet]:
    for index, image_set in enumerate(source):
        if index >= done:
            yield image_set


def _take(progress: Progress, snapshot: Snapshot) -> None:
    progress.windows += 1
    if snapshot.session != progress.session:
        progress.session = snapshot.session
        progress.first_id = max((human.id for step in progress.steps for human in step.humans), default=0)
    progress.steps.extend(_renumbered(step, progress.first_id) for step in snapshot.steps)
    progress.notes.extend(note for note in snapshot.messages if note not in progress.notes)


def _renumbered(step: Step, first_id: int) -> Step:
    """The step with ids that no earlier session of the run has used."""
    if not first_id:
        return step
    return replace(step, humans=tuple(replace(human, id=human.id + first_id) for human in step.humans))


def _write(
    out: Path,
    progress: Progress,
    capture: Capture,
    body: BodyModel,
    page: PageRecorder,
    dropped: Mapping[str, int],
) -> Summary:
    scene: Cloud = capture.static_scene()
    for step in progress.steps:
        page.add(step, progress.windows)
    rows = write_people(out / 'people.npz', progress.steps, body)
    write_ply(out / 'scene.ply', scene)
    write_trajectories(out, progress.steps, progress.sizes, scene)
    page.write(out / 'page.html', scene)
    summary = Summary(
        image_sets=progress.image_sets,
        windows=progress.windows,
        people=len({human.id for step in progress.steps for human in step.humans}),
        rows=rows,
        points=len(scene.points),
        seconds=round(progress.seconds, 2),
        dropped=dict(sorted((Counter(dropped) + Counter(capture.dropped)).items())),
        notes=tuple(progress.notes),
    )
    (out / SUMMARY).write_text(json.dumps(asdict(summary), indent=2) + '\n')
    return summary
