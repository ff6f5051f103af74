"""The truth itself, changed in a known way: which tells in minutes whether a data set is read whole.

Each change costs what the table of ``docs/benchmarks.md`` says, to the last digit.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from scipy.spatial.transform import Rotation

from chromm_ros.body.library import BodyLibrary
from chromm_ros.evaluation.protocols.clips import Clip, Truth
from chromm_ros.evaluation.protocols.estimates import Estimates
from chromm_ros.evaluation.protocols.matching import in_image
from chromm_ros.evaluation.protocols.pelvis import true_people
from chromm_ros.evaluation.protocols.stitching import chain
from chromm_ros.geometry.similarity import Similarity
from chromm_ros.settings import UsageError

SEGMENT, CHUNK = 100, 25
"""Frames of a segment that is aligned, and of a chunk that is stitched."""

FAR_SHARE, FAR = 0.4, 1.3
"""``depth_part``: this share of the pixels, from the left, is so many times too far."""

Change = Callable[[Estimates, Truth, float], Estimates]


class OraclePredictor:
    """Gives the truth after a change."""

    def __init__(self, change: str, bodies: BodyLibrary, with_pixels: str = '') -> None:
        """
        Args:
            change: ``NAME`` or ``NAME=NUMBER``, see :data:`CHANGES`.
            with_pixels: ``pelvis`` or ``depth``: what a benchmark needs besides people and cameras.

        Raises:
            UsageError: there is no such change.
        """
        name, _, number = change.partition('=')
        if name not in CHANGES:
            raise UsageError(f'no change is named {name!r}; there are {", ".join(CHANGES)}')
        try:
            self.amount = float(number or 0)
        except ValueError:
            raise UsageError(f'{change!r}: expected NAME=NUMBER') from None
        self.change = CHANGES[name]
        self.bodies = bodies
        self.with_pixels = with_pixels
        self.about = f'the truth, changed: {change}'

    def predict(self, clip: Clip) -> Estimates:
        estimates = as_estimates(clip.truth)
        if self.with_pixels == 'pelvis':
            estimates = _with_pelvises(estimates, clip, self.bodies)
        if self.with_pixels == 'depth':
            estimates = _with_depth(estimates, clip)
        return self.change(estimates, clip.truth, self.amount)


def as_estimates(truth: Truth) -> Estimates:
    """The counted people and the cameras as somebody would estimate them who errs nowhere."""
    frame, person = np.nonzero(truth.valid)
    joints = truth.joints[frame, person]
    detections = []
    for view in range(len(truth.views)):
        for number, who in zip(frame, person):
            pose, lens = truth.world_from_camera[number, view], truth.intrinsics[number, view]
            pixels = in_image(truth.joints[number, who][None], pose, lens)[0]
            if np.isfinite(pixels).any():
                detections.append((truth.frames[number], view, who, pixels))
    columns = list(zip(*detections)) if detections else [(), (), (), ()]
    return Estimates(
        frames=truth.frames,
        views=truth.views,
        world_from_camera=truth.world_from_camera,
        intrinsics=truth.intrinsics,
        person_frame=truth.frames[frame],
        person_id=person,
        joints=joints,
        joint_names=truth.joint_names,
        detection_frame=np.array(columns[0], int),
        detection_view=np.array(columns[1], int),
        detection_id=np.array(columns[2], int),
        detection_joints=np.array(columns[3]).reshape(-1, truth.joints.shape[2], 2),
    )


def _with_pelvises(estimates: Estimates, clip: Clip, bodies: BodyLibrary) -> Estimates:
    rows = [
        (instant.frame, number, who, person.head, person.pelvis)
        for instant in clip.instants()
        for number, view in enumerate(instant.views)
        for who, person in enumerate(true_people(instant, view, bodies))
    ]
    frame, view, who, head, pelvis = zip(*rows) if rows else ((), (), (), (), ())
    pelvises = np.array(pelvis).reshape(-1, 2)
    return dataclasses.replace(
        estimates,
        detection_frame=np.array(frame, int),
        detection_view=np.array(view, int),
        detection_id=np.array(who, int),
        detection_joints=np.zeros((0, 22, 2)),
        detection_head=np.array(head).reshape(-1, 2),
        detection_pelvis=pelvises,
        detection_pelvis_coarse=pelvises,
    )


def _with_depth(estimates: Estimates, clip: Clip) -> Estimates:
    maps = [instant.views[0].depth() for instant in clip.instants()]
    return dataclasses.replace(estimates, depth=np.stack([depth for depth in maps if depth is not None]))


def _identity(estimates: Estimates, truth: Truth, amount: float) -> Estimates:
    return estimates


def _scale(estimates: Estimates, truth: Truth, amount: float) -> Estimates:
    """Everything by a Sim(3) of scale ``amount`` (0: 1, a rigid motion)."""
    return _by_frame(estimates, np.zeros(len(estimates.frames), int), [_somewhere(0, amount or 1.0)])


def _segments(estimates: Estimates, truth: Truth, amount: float) -> Estimates:
    """A Sim(3) of its own for each 100 frames."""
    part = np.arange(len(estimates.frames)) // SEGMENT
    return _by_frame(estimates, part, _worlds(part))


def _chunks(estimates: Estimates, truth: Truth, amount: float) -> Estimates:
    """A Sim(3) of its own for each 25 frames, then stitched."""
    return chain(_torn(estimates), static_rig=True)


def _unstitched(estimates: Estimates, truth: Truth, amount: float) -> Estimates:
    """The same, not stitched."""
    part = np.arange(len(estimates.frames)) // CHUNK
    return _by_frame(estimates, part, _worlds(part))


def _tail(estimates: Estimates, truth: Truth, amount: float) -> Estimates:
    """Frames from the third on of each 100 are ``amount`` metres away."""
    late = np.arange(len(estimates.frames)) % SEGMENT >= 2
    return _shifted(estimates, late[_place(estimates)], amount * np.array([1.0, 0, 0]))


def _alternate(estimates: Estimates, truth: Truth, amount: float) -> Estimates:
    """Frames are ``amount`` metres to the one side and to the other in turn."""
    side = np.where(np.arange(len(estimates.frames)) % 2, -1.0, 1.0)[_place(estimates)]
    return dataclasses.replace(
        estimates, joints=estimates.joints + amount * side[:, None, None] * np.array([1.0, 0, 0])
    )


def _across(estimates: Estimates, truth: Truth, amount: float) -> Estimates:
    """Bodies are ``amount`` metres beside the way, by + - - + in turn."""
    way = estimates.joints[-1, 0] - estimates.joints[0, 0]
    beside = np.cross(way, [0.3, 1.0, 0.2])
    sign = np.array([1.0, -1.0, -1.0, 1.0])[_place(estimates) % 4]
    shift = amount * sign[:, None, None] * beside / np.linalg.norm(beside)
    return dataclasses.replace(estimates, joints=estimates.joints + shift)


def _shift(estimates: Estimates, truth: Truth, amount: float) -> Estimates:
    """Everybody is ``amount`` metres away, the cameras are right."""
    return _shifted(estimates, np.ones(len(estimates.joints), bool), amount * np.array([0.6, 0.0, 0.8]))


def _about_cameras(estimates: Estimates, truth: Truth, amount: float) -> Estimates:
    """Everything is ``amount`` times as large, about the middle of the cameras of each instant."""
    middles = np.nanmean(truth.world_from_camera[..., :3, 3], 1)
    changes = [Similarity(np.asarray(amount), np.eye(3), np.asarray((1 - amount) * middle)) for middle in middles]
    return _by_frame(estimates, np.arange(len(estimates.frames)), changes)


def _apart(estimates: Estimates, truth: Truth, amount: float) -> Estimates:
    """The first two people of each instant are ``amount`` metres farther from each other."""
    joints = estimates.joints.copy()
    for frame in estimates.frames:
        rows = np.flatnonzero(estimates.person_frame == frame)[:2]
        if len(rows) == 2:
            way = joints[rows[1], 0] - joints[rows[0], 0]
            way = way / np.linalg.norm(way)
            joints[rows[0]] -= amount / 2 * way
            joints[rows[1]] += amount / 2 * way
    return dataclasses.replace(estimates, joints=joints)


def _swap(estimates: Estimates, truth: Truth, amount: float) -> Estimates:
    """The first view confuses the first two people."""
    swapped = np.array([1, 0])
    numbers = estimates.detection_id.copy()
    chosen = (estimates.detection_view == 0) & (numbers < 2)
    numbers[chosen] = swapped[numbers[chosen]]
    return dataclasses.replace(estimates, detection_id=numbers)


def _pelvis(estimates: Estimates, truth: Truth, amount: float) -> Estimates:
    """Pelvises are ``amount`` pixels away, in the direction of (3, 4)."""
    shift = amount * np.array([0.6, 0.8])
    return dataclasses.replace(estimates, detection_pelvis=estimates.detection_pelvis + shift)


def _depth(estimates: Estimates, truth: Truth, amount: float) -> Estimates:
    """All depths times ``amount``."""
    return dataclasses.replace(estimates, depth=estimates.depth * amount)


def _depth_part(estimates: Estimates, truth: Truth, amount: float) -> Estimates:
    """The first 40 % of the known pixels of each image, column by column, are 1.3 times too far."""
    maps = estimates.depth.astype(np.float64)
    for depth in maps:
        columns, rows = np.nonzero(depth.T > 0)
        far = slice(round(FAR_SHARE * len(rows)))
        depth[rows[far], columns[far]] *= FAR
    return dataclasses.replace(estimates, depth=maps)


def _miss(estimates: Estimates, truth: Truth, amount: float) -> Estimates:
    """Nobody is found in every ``amount``-th frame (0: every fourth)."""
    every = int(amount) or 4
    kept = _place(estimates) % every != every - 1
    return dataclasses.replace(
        estimates, **{name: getattr(estimates, name)[kept] for name in ('person_frame', 'person_id', 'joints')}
    )


CHANGES: dict[str, Change] = {
    'identity': _identity,
    'scale': _scale,
    'segments': _segments,
    'chunks': _chunks,
    'unstitched': _unstitched,
    'tail': _tail,
    'alternate': _alternate,
    'across': _across,
    'shift': _shift,
    'about_cameras': _about_cameras,
    'apart': _apart,
    'swap': _swap,
    'pelvis': _pelvis,
    'depth': _depth,
    'depth_part': _depth_part,
    'miss': _miss,
}
"""What can be done to the truth."""


def _place(estimates: Estimates) -> np.ndarray:
    """(N,) index of each body's instant."""
    return np.searchsorted(estimates.frames, estimates.person_frame)


def _shifted(estimates: Estimates, rows: np.ndarray, shift: np.ndarray) -> Estimates:
    return dataclasses.replace(estimates, joints=estimates.joints + rows[:, None, None] * shift)


def _somewhere(seed: int, scale: float) -> Similarity:
    rng = np.random.default_rng(seed)
    return Similarity(np.asarray(scale), Rotation.random(random_state=seed).as_matrix(), rng.normal(size=3))


def _worlds(part: np.ndarray) -> list[Similarity]:
    """A Sim(3) of its own for each part; the first is the identity."""
    rng = np.random.default_rng(0)
    others = [_somewhere(number, float(np.exp(rng.normal(0, 0.3)))) for number in range(1, part.max() + 1)]
    return [Similarity.identity(), *others]


def _by_frame(estimates: Estimates, part: np.ndarray, changes: list[Similarity]) -> Estimates:
    """People and cameras of each frame by the change of its part."""
    joints, poses = estimates.joints.copy(), estimates.world_from_camera.copy()
    place = part[_place(estimates)]
    for number, change in enumerate(changes):
        own = joints[place == number]
        joints[place == number] = change.apply(own.reshape(-1, 3)).reshape(own.shape)
        cameras = poses[part == number]
        poses[part == number] = change.apply_poses(cameras.reshape(-1, 4, 4)).reshape(cameras.shape)
    return dataclasses.replace(estimates, joints=joints, world_from_camera=poses)


def _torn(estimates: Estimates) -> list[Estimates]:
    """The chunks of 25 frames, each in a world of its own."""
    part = np.arange(len(estimates.frames)) // CHUNK
    moved = _by_frame(estimates, part, _worlds(part))
    chunks = []
    for number in range(part.max() + 1):
        frames = estimates.frames[part == number]
        rows, seen = (np.isin(getattr(moved, name), frames) for name in ('person_frame', 'detection_frame'))
        chunks.append(
            dataclasses.replace(
                moved,
                frames=frames,
                world_from_camera=moved.world_from_camera[part == number],
                intrinsics=moved.intrinsics[part == number],
                **{name: getattr(moved, name)[rows] for name in ('person_frame', 'person_id', 'joints')},
                **{
                    name: getattr(moved, name)[seen]
                    for name in ('detection_frame', 'detection_view', 'detection_id', 'detection_joints')
                },
            )
        )
    return chunks
