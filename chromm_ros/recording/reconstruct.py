"""The capture on recordings: the same pipeline as live, in long windows, with files as its result."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from chromm_ros.body.model import BodyModel
from chromm_ros.capture.capture import Capture, window_stamps
from chromm_ros.flow import Cloud, ImageSet, Snapshot, Step
from chromm_ros.recording.ahead import read_ahead
from chromm_ros.recording.exports import write_people, write_trajectories
from chromm_ros.recording.notes import left_out
from chromm_ros.recording.pages import PageRecorder
from chromm_ros.recording.ply import write_ply
from chromm_ros.recording.sources import Source
from chromm_ros.recording.state_files import load_state, save_state
from chromm_ros.recording.step_file import StepFile

RESUME = 'resume.npz'
STEPS = 'steps.bin'
SUMMARY = 'summary.json'

SAVING_SHARE = 0.01
"""Of the time of a run that may go into saving."""


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
    saving_seconds: float
    """Of them, spent on what an interrupted run goes on from."""
    dropped: dict[str, int]
    """Images, sets and people that were left out, by reason."""
    notes: tuple[str, ...]


@dataclass
class Progress:
    """Everything that a run knows so far, apart from the capture itself and the steps."""

    image_sets: int = 0
    windows: int = 0
    seconds: float = 0.0
    saving: float = 0.0
    """Of them, spent on what an interrupted run goes on from."""
    saving_cost: float = 0.0
    """Seconds that saving took last."""
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)  # width, height [px]
    notes: list[str] = field(default_factory=list)
    session: str = ''
    first_id: int = 0
    """What is added to the ids of the session, which begin anew where time went back."""
    largest_id: int = 0
    """Of all so far."""


def reconstruct(source: Source, capture: Capture, body: BodyModel, out: Path, *, quiet: bool = False) -> Summary:
    """Run ``capture`` over ``source`` and write people, scene, cameras and a page into ``out``.

    An interrupted run leaves ``resume.npz`` and ``steps.bin`` behind; called again, it goes on from there and gives
    the same result as an uninterrupted one. It saves as often as that costs less than a hundredth of its time.

    Raises:
        ValueError: the source holds nothing, or the saved state does not belong to it.
        OSError: ``out`` cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    run = _Run.begun(out, capture)
    page = PageRecorder(body)
    with tqdm(total=source.count, unit=' sets', desc=out.name, disable=quiet) as bar:
        for image_set in read_ahead(run.remaining(source, bar.update), capture.prepare):
            page.remember(image_set)
            run.take(image_set, capture.add(image_set))
            bar.update()
            bar.set_postfix(people=len(run.ids))
        bar.set_description(f'{out.name}, last window')
        run.end(capture.flush())
        if not run.progress.image_sets:
            why = '; '.join((*source.notes, left_out(source.dropped)))
            raise ValueError(f'no image set could be made of the input: {why or "it holds no images"}')
        run.progress.notes += [note for note in source.notes if note not in run.progress.notes]
        say = partial(_say, bar, out.name)
        summary = _write(out, run.progress, list(run.steps), capture, body, page, source.dropped, say)
    (out / RESUME).unlink(missing_ok=True)
    (out / STEPS).unlink(missing_ok=True)
    return summary


class _Run:
    """One sitting of a run: what it learned, when it was saved last, and what is not saved yet."""

    def __init__(self, out: Path, capture: Capture, progress: Progress, steps: StepFile, window: list[int]):
        self.capture = capture
        self.progress = progress
        self.steps = steps
        self.ids: set[int] = set()
        """Of everybody so far in this sitting."""
        self._state = out / RESUME
        self._window = window  # stamps of the image sets that the saved window holds
        self._loaded: dict[str, Any] | None = None
        self._new: list[Step] = []
        self._started = self._saved = time.monotonic()

    @classmethod
    def begun(cls, out: Path, capture: Capture) -> _Run:
        """A new run, or one that goes on where ``out`` says that it was interrupted."""
        if not (out / RESUME).is_file():
            return cls(out, capture, Progress(), StepFile(out / STEPS), [])
        state = load_state(out / RESUME)
        with _readable(out / RESUME):
            if state['settings'] != repr(capture.settings):
                raise ValueError(f'{out} was begun with other options; use those, or choose another folder')
            progress = Progress(**state['progress'])
            progress.sizes = {view: (width, height) for view, (width, height) in progress.sizes.items()}
            window = window_stamps(state['capture'])
            run = cls(out, capture, progress, StepFile(out / STEPS, state['steps']), window)
            run._loaded = state['capture']
        return run

    def remaining(self, source: Source, skipped: Callable[[], object]) -> Iterator[ImageSet]:
        """The image sets that are still to be taken in; those that a saved window holds are given back to it."""
        held, wanted = [], set(self._window)
        for index, image_set in enumerate(source):
            if index < self.progress.image_sets:
                held += [image_set] if image_set.stamp in wanted else []
                skipped()
                continue
            self._restore(held)
            yield image_set
        self._restore(held)

    def _restore(self, held: list[ImageSet]) -> None:
        if self._loaded is not None:
            with _readable(self._state):
                self.capture.load_state_dict(self._loaded, held)
            self._loaded = None

    def take(self, image_set: ImageSet, snapshot: Snapshot | None) -> None:
        """Note what an image set brought; save when there is time for it."""
        self.progress.image_sets += 1
        self.progress.sizes.update({name: view.pixels.shape[1::-1] for name, view in image_set.views.items()})
        if snapshot is not None:
            self._note(snapshot)
            now = time.monotonic()
            if now - self._saved > self.progress.saving_cost / SAVING_SHARE:
                self._save(now)

    def end(self, last: Snapshot | None) -> None:
        """All image sets were taken in."""
        if last is not None:
            self._note(last)
        self.steps.append(self._new)
        self._new = []
        self._count_time(time.monotonic())

    def _note(self, snapshot: Snapshot) -> None:
        progress = self.progress
        progress.windows += 1
        if snapshot.session != progress.session:
            progress.session, progress.first_id = snapshot.session, progress.largest_id
        steps = [_renumbered(step, progress.first_id) for step in snapshot.steps]
        self._new += steps
        self.ids.update(human.id for step in steps for human in step.humans)
        progress.largest_id = max(progress.largest_id, *self.ids, 0)
        progress.notes += [note for note in snapshot.messages if note not in progress.notes]

    def _save(self, now: float) -> None:
        self._count_time(now)
        self.steps.append(self._new)
        self._new = []
        save_state(
            self._state,
            {
                'settings': repr(self.capture.settings),
                'progress': vars(self.progress),
                'steps': self.steps.size,
                'capture': self.capture.state_dict(),
            },
        )
        self._saved = time.monotonic()
        self.progress.saving_cost = self._saved - now
        self.progress.saving += self._saved - now

    def _count_time(self, now: float) -> None:
        self.progress.seconds += now - self._started
        self._started = now


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Whatever a saved state lacks, or holds in another form, becomes a ValueError that names the file."""
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f'{path} was written by another version, or is damaged; delete it to start anew') from error


def _renumbered(step: Step, first_id: int) -> Step:
    """The step with ids that no earlier session of the run has used."""
    if not first_id:
        return step
    return replace(step, humans=tuple(replace(human, id=human.id + first_id) for human in step.humans))


def _say(bar: tqdm, name: str, doing: str) -> None:
    """What goes on after the last image set."""
    bar.set_description(f'{name}, {doing}')
    bar.refresh()


def _write(
    out: Path,
    progress: Progress,
    steps: Sequence[Step],
    capture: Capture,
    body: BodyModel,
    page: PageRecorder,
    dropped: Mapping[str, int],
    say: Callable[[str], None],
) -> Summary:
    scene: Cloud = capture.static_scene()
    for step in steps:
        page.add(step, progress.windows)
    say('writing people.npz')
    rows = write_people(out / 'people.npz', steps, body)
    say('writing scene.ply and cameras')
    write_ply(out / 'scene.ply', scene)
    write_trajectories(out, steps, progress.sizes, scene)
    chosen = {
        'extrinsics': capture.settings.extrinsics,
        'window': f'{capture.settings.window_size} steps',
        'body': body.name,
    }
    page.write(out / 'page.html', scene, chosen, lambda done: say(f'writing page.html, {done:.0%}'))
    summary = Summary(
        image_sets=progress.image_sets,
        windows=progress.windows,
        people=len({human.id for step in steps for human in step.humans}),
        rows=rows,
        points=len(scene.points),
        seconds=round(progress.seconds, 2),
        saving_seconds=round(progress.saving, 3),
        dropped=dict(sorted((Counter(dropped) + Counter(capture.dropped)).items())),
        notes=tuple(progress.notes),
    )
    (out / SUMMARY).write_text(json.dumps(asdict(summary), indent=2) + '\n')
    return summary
