"""Images of data sets as training batches: sequences of one shot, or single images of many.

What a data set leaves open is said to the losses by the batch: pixels where nobody knows whether somebody is there
(``judged``), images without outlines (``outlined``), people who are known by their projection alone (``metric``,
``lens``).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.interface import Body, Dataset, Instant, Person, View
from chromm_ros.datasets.interface import Sequence as Shot
from chromm_ros.flow import MAX_PEOPLE
from chromm_ros.geometry.cameras import invert_rigid, project, transform
from chromm_ros.skeleton import BODY_JOINTS, HEAD
from chromm_ros.training.clips import ClipBatch, Where
from chromm_ros.training.fitting import Fitted
from chromm_ros.training.targets import SMALLEST

SHAPES = 11
"""Shape coefficients of true bodies: BEDLAM has 11, others leave the last one 0."""

SEEN_JOINTS = 8
"""Body joints that a fit must have in the image, besides the head (BEDLAM's own rule)."""

SOMEBODY = 255
"""Instance of people whom no label tells apart."""

TRIES = 20
"""Shots that are tried one after the other when files cannot be read."""


class RecordedClips:
    """The shots of one data set. A sequence is consecutive instants of a shot, forward, from a random start."""

    def __init__(
        self,
        dataset: Dataset,
        bodies: BodyLibrary,
        canvas: Callable[[int, int], tuple[int, int]],
        split: str = '',
        unscaled: bool = False,
    ) -> None:
        """
        Args:
            bodies: with the neutral SMPL-X, which all true bodies are posed with.
            canvas: width and height of an image -> those that the network sees.
            split: of the data set.
            unscaled: let people of shots without depth count in metres, with s_opt = 1.

        Raises:
            FileNotFoundError: the body file is missing.
            ValueError: no shot can be used; says what is wrong with the first one.
        """
        bodies.body('smplx', 'neutral')
        self.dataset = dataset
        self.bodies = bodies
        self.canvas = canvas
        self.unscaled = unscaled
        self.lost: list[str] = []
        self.shots: list[Shot] = []
        lengths = []
        for shot in dataset.sequences(split):
            try:
                lengths.append(len(shot))
                self.shots.append(shot)
            except (OSError, ValueError) as error:
                self.lost.append(str(error))
        if not self.shots:
            why = f': {self.lost[0]}' if self.lost else ''
            raise ValueError(f'{dataset.name}: no sequence can be used{why}')
        self.lengths = np.array(lengths)

    def __len__(self) -> int:
        return len(self.shots)

    @property
    def weight(self) -> float:
        """Its images."""
        return float(self.lengths.sum())

    def sequence(self, length: int, rng: np.random.Generator) -> list[Where]:
        """Consecutive instants of a shot; single images are drawn from all images alike."""
        if length == 1:
            shot = int(np.searchsorted(self.lengths.cumsum(), rng.integers(self.lengths.sum()), 'right'))
        else:
            shot = int(rng.integers(len(self.shots)))
        length = min(length, int(self.lengths[shot]))
        start = int(rng.integers(self.lengths[shot] - length + 1))
        return [(shot, 0, start + step) for step in range(length)]

    def batch(self, sequences: Sequence[Sequence[Where]]) -> ClipBatch:
        """Images and truth of some sequences, all of one length, at the size that suits the first image.

        A sequence that cannot be read is replaced by one of the next shot, and its file is named in a warning.

        Raises:
            ValueError: many shots in a row cannot be read.
        """
        rows: list[list[_Frame]] = []
        size: tuple[int, int] | None = None
        for wanted in sequences:
            frames = self._read(wanted, size)
            size = frames[0].fitted.canvas
            rows.append(frames)
        return _stacked(rows)

    def _read(self, wanted: Sequence[Where], size: tuple[int, int] | None) -> list[_Frame]:
        error: Exception | None = None
        for attempt in range(min(TRIES, len(self.shots))):
            shot = (wanted[0][0] + attempt) % len(self.shots)
            start = wanted[0][2] if attempt == 0 else 0
            if self.lengths[shot] < start + len(wanted):
                continue
            try:
                frames: list[_Frame] = []
                for index in range(start, start + len(wanted)):
                    frames.append(self._frame(self.shots[shot].instant(index), size))
                    size = size or frames[0].fitted.canvas
                return self._told_scale(frames)
            except (OSError, ValueError) as failure:
                error = failure
                warnings.warn(f'{self.dataset.name}: {failure}; another sequence takes its place', stacklevel=2)
        raise ValueError(
            f'{self.dataset.name}: {TRIES} sequences one after the other cannot be read; the last: {error}'
        )

    def _told_scale(self, frames: list[_Frame]) -> list[_Frame]:
        """Without depth anywhere in a sequence there is no s_opt, and its people do not count in metres."""
        if self.unscaled or any(frame.depth.any() for frame in frames):
            return frames
        for frame in frames:
            frame.metric = False
        return frames

    def _frame(self, instant: Instant, size: tuple[int, int] | None) -> _Frame:
        view = instant.views[0]
        width, height = view.lens.size
        fitted = Fitted((width, height), size or self.canvas(width, height))
        truths = [self._truth(person, view, fitted) for person in instant.people]
        # (number among the people of the instant, truth), nearest first
        kept = sorted(
            ((number, truth) for number, truth in enumerate(truths) if truth is not None),
            key=lambda pair: pair[1].order,
        )[:MAX_PEOPLE]
        depth, mask, instance = view.depth(), view.people_mask(), view.instance()
        outlines = np.zeros(fitted.maps, np.uint8)
        judged = np.ones(fitted.maps, bool)
        if mask is not None:
            outlines[fitted.sampled(mask.astype(np.uint8)) > 0] = SOMEBODY
        if instance is not None:
            numbered = fitted.sampled(instance)
            for row, (number, _) in enumerate(kept):
                outlines[numbered == number + 1] = row + 1
            judged &= outlines != SOMEBODY
        taught = {number for number, _ in kept}
        boxes = [person.box[view.name] for number, person in enumerate(instant.people)
                 if number not in taught and view.name in person.box]  # fmt: skip
        for box in [*boxes, *instant.ignored.get(view.name, ())]:
            fitted.paint(judged, box, False)
        return _Frame(
            fitted=fitted,
            image=fitted.image(view.image()),
            depth=fitted.sampled(depth) if depth is not None else np.zeros(fitted.maps, np.float32),
            instance=outlines,
            judged=judged,
            outlined=mask is not None,
            metric=view.world_from_camera is not None,
            intrinsics=fitted.intrinsics(_known(view)),
            world_from_camera=np.eye(4) if view.world_from_camera is None else view.world_from_camera,
            people=[truth for _, truth in kept],
        )

    def _truth(self, person: Person, view: View, fitted: Fitted) -> _Truth | None:
        """What is taught of a person; None: nothing, for the head or the body is not in the image."""
        body = person.body
        if body is None or not person.valid:
            return None
        model = self.bodies.body(body.model, body.gender)
        world_from_camera = np.eye(4) if view.world_from_camera is None else view.world_from_camera
        joints = model.joints(body.betas, body.root, body.pose, body.transl)[:BODY_JOINTS]
        root = body.root
        if body.frame == 'camera':
            camera, joints = joints, transform(world_from_camera, joints)
            root = world_from_camera[:3, :3] @ root
        else:
            camera = transform(invert_rigid(world_from_camera), joints)
        lens = fitted.intrinsics(view.lens.intrinsics if body.lens is None else body.lens.intrinsics)
        if camera[HEAD, 2] <= 0.01:
            return None
        pixels = project(np.concatenate([camera[:, :2], camera[:, 2:].clip(0.01)], 1), lens)
        inside = ((pixels >= 0) & (pixels < fitted.canvas)).all(1) & (camera[:, 2] > 0.01)
        extent = np.ptp(pixels[inside], axis=0).prod() if inside.any() else 0.0
        small = extent < SMALLEST * fitted.canvas[0] * fitted.canvas[1]
        # a person without outlines, seen by a camera of its own, has to be judged by the joints alone
        if body.lens is not None and (small or not inside[HEAD] or inside.sum() < SEEN_JOINTS):
            return None
        told = joints if body.model == 'smpl' else np.full_like(joints, np.nan)
        return _Truth(_theta(body), _shape(body), root, joints[HEAD], told, lens, camera[HEAD, 2] / lens[0, 0])


@dataclass
class _Truth:
    """What is taught of one person in one image."""

    pose: np.ndarray  # (52, 3, 3)
    betas: np.ndarray  # (11,)
    root: np.ndarray  # (3, 3) world from body
    head: np.ndarray  # (3,) world [m]
    joints: np.ndarray  # (22, 3) world [m] of a fit of SMPL; NaN: SMPL-X poses it
    lens: np.ndarray  # (3, 3) pixels of the canvas
    order: float
    """Nearest first: depth over focal length."""


@dataclass
class _Frame:
    """One image with its truth at the size of the canvas."""

    fitted: Fitted
    image: np.ndarray
    depth: np.ndarray
    instance: np.ndarray
    judged: np.ndarray
    outlined: bool
    metric: bool
    intrinsics: np.ndarray
    world_from_camera: np.ndarray
    people: list[_Truth]


def _stacked(rows: list[list[_Frame]]) -> ClipBatch:
    most = max(1, max(len(frame.people) for row in rows for frame in row))

    def gather(take: Callable[[_Frame], np.ndarray | bool]) -> torch.Tensor:
        return torch.from_numpy(np.stack([np.stack([np.asarray(take(frame)) for frame in row]) for row in rows]))

    def people(take: Callable[[_Truth], np.ndarray], empty: np.ndarray) -> torch.Tensor:
        return gather(
            lambda frame: np.stack([*(take(truth) for truth in frame.people), *[empty] * (most - len(frame.people))])
        ).float()

    lens = people(lambda truth: truth.lens, np.eye(3))
    return ClipBatch(
        images=gather(lambda frame: frame.image).permute(0, 1, 4, 2, 3).contiguous().float() / 255,
        depth=gather(lambda frame: frame.depth).float(),
        instance=gather(lambda frame: frame.instance),
        intrinsics=gather(lambda frame: frame.intrinsics).float(),
        world_from_camera=gather(lambda frame: frame.world_from_camera).float(),
        present=gather(lambda frame: np.arange(most) < len(frame.people)),
        betas=people(lambda truth: truth.betas, np.zeros(SHAPES)),
        pose=people(lambda truth: truth.pose, np.broadcast_to(np.eye(3), (52, 3, 3))),
        root_rotation=people(lambda truth: truth.root, np.eye(3)),
        head=people(lambda truth: truth.head, np.zeros(3)),
        joints=people(lambda truth: truth.joints, np.full((BODY_JOINTS, 3), np.nan)),
        lens=lens,
        judged=gather(lambda frame: frame.judged),
        outlined=gather(lambda frame: frame.outlined),
        metric=gather(lambda frame: frame.metric),
    )


def _theta(body: Body) -> np.ndarray:
    """(52, 3, 3): body, left hand, right hand, jaw, out of SMPL-X's body, jaw, eyes, hands; of SMPL only the body."""
    if body.model == 'smpl':
        return np.concatenate([body.pose[:21], np.broadcast_to(np.eye(3), (31, 3, 3))])
    return np.concatenate([body.pose[:21], body.pose[24:54], body.pose[21:22]])


def _shape(body: Body) -> np.ndarray:
    return np.append(body.betas[:SHAPES], np.zeros(max(0, SHAPES - len(body.betas))))


def _known(view: View) -> np.ndarray:
    """Intrinsics of the view; a focal length of the longer side where nobody knows them (and nothing is told)."""
    if np.isfinite(view.lens.intrinsics).all():
        return view.lens.intrinsics
    width, height = view.lens.size
    focal = float(max(width, height))
    return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
