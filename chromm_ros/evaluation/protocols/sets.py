"""From the sequences of a data set to the clips of a benchmark."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatch
from pathlib import Path

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.interface import Instant, Person, Sequence
from chromm_ros.evaluation.protocols.clips import Clip, ClipPlan, TrueJoints, only_views, read_truth
from chromm_ros.settings import UsageError


def true_joints(bodies: BodyLibrary) -> TrueJoints:
    """The world joints of a person: as the data set gives them, else by its body."""

    def joints_of(person: Person):
        if person.joints is not None:
            return person.joints, person.joint_names
        body = person.body
        if body is None or body.frame != 'world':
            return None
        joints = bodies.joints(body.model, body.gender, body.betas, body.root, body.pose, body.transl)
        return joints, bodies.joint_names(body.model, body.gender)

    return joints_of


def make_clip(
    name: str,
    sequence: Sequence,
    bodies: BodyLibrary,
    stride: int = 1,
    views: tuple[str, ...] = (),
    counted: Callable[[Instant], bool] | None = None,
) -> Clip:
    """A clip of the instants at which somebody counts.

    Args:
        stride: one of every so many instants is looked at.
        views: of the clip; empty: all.
        counted: whether an instant (seen by the views of the clip) is part of it; None: where a person is valid.

    Raises:
        OSError, ValueError: files are missing or broken, or no instant counts.
    """
    wanted = counted or (lambda instant: any(person.valid for person in instant.people))
    kept, instants = [], []
    for index in range(0, len(sequence), stride):
        instant = sequence.instant(index)
        if views:
            instant = only_views(instant, views)
        if instant.views and wanted(instant):
            kept.append(index)
            instants.append(instant)
    if not kept:
        raise ValueError(f'{name}: no frame of it can be scored (nobody is valid in any)')
    return Clip(name, sequence, tuple(kept), read_truth(instants, true_joints(bodies), views))


def chosen(plans: Iterable[ClipPlan], pattern: str = '*', limit: int = 0) -> list[ClipPlan]:
    """The plans whose name fits a pattern, at most ``limit`` of them (0: all).

    Raises:
        UsageError: none is left.
    """
    everything = list(plans)
    kept = [plan for plan in everything if fnmatch(plan.name, pattern)]
    if not kept:
        some = ', '.join(plan.name for plan in everything[:3]) or 'none'
        raise UsageError(f'no clip is named like {pattern!r}; there are {len(everything)}: {some} ...')
    return kept[:limit] if limit else kept


def read_frames(path: Path) -> dict[str, list[int]]:
    """Frame numbers by sequence from lines of ``<sequence> <frame>``; empty lines and those with # are left out.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is something else; names it.
    """
    wanted: dict[str, list[int]] = {}
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
        words = line.partition('#')[0].split()
        if not words:
            continue
        if len(words) != 2 or not words[1].isdigit():
            raise ValueError(f'{path}, line {number}: {line!r}; expected a sequence and a frame number')
        wanted.setdefault(words[0], []).append(int(words[1]))
    if not wanted:
        raise ValueError(f'{path}: no line with a sequence and a frame number')
    return wanted
