"""Clips through a predictor and a score: the next clip is read, and the last one scored, while this one is predicted.

Estimates are kept as one file per clip, so that a run that was killed loses the clip it was at, and scores are always
computed anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from tqdm import tqdm

from chromm_ros.evaluation.protocols.clips import Clip, ClipPlan
from chromm_ros.evaluation.protocols.estimates import Estimates, load, origin, save
from chromm_ros.evaluation.protocols.scores import ClipScore

LOG = logging.getLogger(__name__)


class Predictor(Protocol):
    """A network, files of estimates, or the changed truth."""

    about: str
    """What the estimates depend on: two runs with the same words give the same estimates."""

    def predict(self, clip: Clip) -> Estimates:
        """Estimates of a clip.

        Raises:
            OSError, ValueError: this clip cannot be predicted; the message says why.
        """
        ...


class FilePredictor:
    """Estimates that somebody wrote, one NPZ file per clip."""

    def __init__(self, folder: Path) -> None:
        """
        Raises:
            FileNotFoundError: there is no such folder.
        """
        if not folder.is_dir():
            raise FileNotFoundError(f'{folder} is not a folder; expected one with an NPZ file per clip')
        self.folder = folder
        self.about = f'files in {folder}'

    def predict(self, clip: Clip) -> Estimates:
        return load(estimates_file(self.folder, clip.name))


def estimates_file(folder: Path, name: str) -> Path:
    """Where the estimates of a clip lie."""
    return folder / f'{name}.npz'


@dataclass(frozen=True)
class Parts:
    """The folder where a run keeps the estimates of each clip."""

    folder: Path | None
    """None: nothing is kept."""
    resume: bool = False
    """Take what is there, where it was made by the same predictor for the same instants and views."""

    def predict(self, predictor: Predictor, clip: Clip) -> Estimates:
        """Kept estimates, else new ones, which are then kept."""
        if self.folder is None:
            return predictor.predict(clip)
        path = estimates_file(self.folder, clip.name)
        if self.resume and path.is_file() and origin(path) == predictor.about:
            kept = load(path)
            if np.array_equal(kept.frames, clip.truth.frames) and kept.views == clip.truth.views:
                return kept
        estimates = predictor.predict(clip)
        save(path, estimates, predictor.about)
        return estimates


@dataclass
class Outcome:
    """What a run gave."""

    scores: dict[str, ClipScore] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    """Clips that could not be read, predicted or scored, and why."""


ScoreClip = Callable[[Clip, Estimates], ClipScore]


def run(
    plans: list[ClipPlan],
    predictor: Predictor,
    score: ScoreClip,
    parts: Parts,
    watch: Callable[[Clip, Estimates, ClipScore], None] | None = None,
) -> Outcome:
    """Predict and score all clips. A clip that fails is reported and the others go on.

    Args:
        watch: is shown every clip when it is scored (pictures).
    """
    outcome = Outcome()

    def judge(clip: Clip, estimates: Estimates) -> ClipScore:
        result = score(clip, estimates)
        if watch is not None:
            watch(clip, estimates, result)
        return result

    with ThreadPoolExecutor(1) as scorer, tqdm(total=len(plans), unit='clip') as bar:
        waiting: list[tuple[str, Future[ClipScore]]] = []
        for plan, reading in _read_ahead(plans):
            bar.set_postfix_str(plan.name)
            try:
                clip = reading.result()
                estimates = parts.predict(predictor, clip)
            except Exception as error:  # whatever is wrong with one clip must not end a night's run
                _lose(outcome, plan.name, error)
            else:
                waiting.append((plan.name, scorer.submit(judge, clip, estimates)))
            while len(waiting) > 1:  # no more than one clip waits, for clips may be large
                _collect(outcome, *waiting.pop(0))
            bar.update()
        for name, future in waiting:
            _collect(outcome, name, future)
    return outcome


def _read_ahead(plans: list[ClipPlan]) -> Iterator[tuple[ClipPlan, Future[Clip]]]:
    """Every plan with its clip, which is read while the one before it is worked on."""
    with ThreadPoolExecutor(1) as reader:
        ahead: Future[Clip] | None = None
        for number, plan in enumerate(plans):
            current = ahead or reader.submit(plan.make)
            current.exception()  # wait before the next one is asked for, or both would be in memory at once
            following = plans[number + 1 : number + 2]
            ahead = reader.submit(following[0].make) if following else None
            yield plan, current


def _collect(outcome: Outcome, name: str, future: Future[ClipScore]) -> None:
    try:
        outcome.scores[name] = future.result()
    except Exception as error:  # as above
        _lose(outcome, name, error)


def _lose(outcome: Outcome, name: str, error: Exception) -> None:
    known = isinstance(error, (OSError, ValueError, KeyError))
    reason = str(error) if known else f'{type(error).__name__}: {error}'
    outcome.lost[name] = reason
    tqdm.write(f'{name} is lost: {reason}')
    LOG.debug('%s is lost', name, exc_info=error)
