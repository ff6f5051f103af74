"""The frame of the world: where it comes from, how every window is tied to it, its scale, its levelling.

The network gives each window its own gauge. A window is tied to the world by a Sim(3) on the cameras whose pose in
the world is known: given by the rig (TF), remembered from earlier windows where cameras stand still, or placed by the
previous window where they move (CHROMM 4.2). Known poses are then used themselves: X_world = pose (s X_camera).

Scale comes from the baselines of a given rig, as far as the network sees them right; else people vote (CHROMM eq. 3)
and the votes are filtered over time. From window to window it is kept by the baselines of the rig that was found, and
where cameras that move have none, by the surfaces in the images that both windows hold.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chromm_ros.capture.notices import Notices
from chromm_ros.capture.settings import WorldSettings
from chromm_ros.capture.world.cameras import Cameras, PlacedImage
from chromm_ros.capture.world.floor import find_floor, levelling
from chromm_ros.capture.world.overlap import Seam
from chromm_ros.capture.world.scale_filter import ScaleFilter, vote_sigma
from chromm_ros.flow import WorldSource
from chromm_ros.geometry.similarity import Similarity, align_rigs
from chromm_ros.people import ScaleEstimate

UPRIGHT = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
"""World from camera of a level optical frame: x forward, y left, z up."""

RESCALE = 0.01
"""Change of the logarithm of the scale of an estimated rig that is worth moving the world for."""

MISFIT_SCALE = 2.0
"""Error of the size of a rig against the rms misfit of its cameras after the fit, which hides a part of it."""

REWEIGHTINGS = 3
"""Steps after which the weights of the cameras hardly change."""


@dataclass(frozen=True)
class Alignment:
    """How a window sits in the world."""

    scale: float
    """Metres of the world per metre of the network."""
    poses: np.ndarray  # (N, 4, 4) world_from_camera of the rows
    seam_error: float
    """RMS distance of the camera centres from where they were known to be [m]; NaN: nothing was known."""
    change: Similarity | None
    """The world itself was moved or rescaled: everything that is kept must follow."""


class WorldGauge:
    """Owner of the world frame of one session."""

    def __init__(self, cameras: Cameras, level_gauge: bool, notices: Notices):
        """
        Args:
            cameras: what is known of where cameras are; the gauge learns from them and teaches them.
            level_gauge: the network's own gauge is z up with the floor at zero (the tiny preset).
            notices: takes what a person should know.
        """
        self.cameras = cameras
        self.level_gauge = level_gauge
        self.notices = notices
        self.source: WorldSource | None = None
        self._scale = ScaleFilter(variance=self.settings.scale_prior**2)
        self._rig_scale = ScaleFilter(variance=self.settings.scale_prior**2)

    @property
    def settings(self) -> WorldSettings:
        return self.cameras.settings.world

    def state_dict(self) -> dict[str, Any]:
        """What the world hangs on and its scale, as plain data."""
        return {'source': self.source, 'scale': vars(self._scale), 'rig_scale': vars(self._rig_scale)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict`."""
        self.source = None if state['source'] is None else WorldSource(state['source'])
        self._scale, self._rig_scale = ScaleFilter(**state['scale']), ScaleFilter(**state['rig_scale'])

    def tied(self, view: str, given: np.ndarray | None) -> bool:
        """Whether an image of this camera ties a window to the world without help from older images."""
        return self.cameras.reference(PlacedImage(view, np.eye(4), given)) is not None

    def align(self, rows: Sequence[PlacedImage], vote: ScaleEstimate | None, seam: Seam | None = None) -> Alignment:
        """Tie a window to the world, and learn from it.

        Args:
            rows: images whose cameras the network placed; those of earlier steps say where they were ``placed``.
            vote: None: no person could vote.
            seam: scale against the images that were ``placed``; None: they show nothing.
        """
        estimated = np.stack([row.estimated for row in rows])
        adopted = self._adopt_rig(rows, estimated)
        references = [self.cameras.reference(row) for row in rows]
        if all(reference is None for reference in references):
            return self._start(rows, estimated, vote)
        if self.source is None:
            self.source = WorldSource.TF
        target = np.stack([np.full((4, 4), np.nan) if pose is None else pose for pose in references])
        weights = _robust_weights(estimated, target)
        change = self._update_scale(rows, estimated, target, weights, vote, seam)
        if change is not None:
            target = change.apply_poses(target)
        smallest = self.settings.minimum_baseline / 2
        tie = align_rigs(estimated, target, weights, scale=self._scale.scale, min_size=smallest)
        aligned = tie.apply_poses(estimated)
        known = np.isfinite(target[:, 0, 0])
        seam_error = float(np.sqrt(((aligned - target)[known, :3, 3] ** 2).sum(-1).mean()))
        self.cameras.observe(rows, aligned, target, self.notices)
        if adopted is not None:
            change = adopted if change is None else change @ adopted
        return Alignment(self._scale.scale, self._poses(rows, aligned), seam_error, change)

    @property
    def world_source(self) -> WorldSource:
        """What the world hangs on."""
        return WorldSource.FIRST_CAMERA if self.source is None else self.source

    @property
    def unlevelled(self) -> bool:
        """Up is not known, and the floor may tell."""
        return self.source is WorldSource.FIRST_CAMERA and self.settings.find_floor

    def level(self, points: np.ndarray, up: np.ndarray) -> Similarity | None:
        """Find the floor once and put the world on it.

        Args:
            points: (N, 3) static points, world [m].
            up: (3,) rough direction up.

        Returns:
            The change of the world; None: no floor found.
        """
        floor = find_floor(points, up, self.settings.floor_tolerance)
        if floor is None:
            return None
        change = levelling(*floor)
        self._move(change)
        self.source = WorldSource.FLOOR
        self.notices.say('The floor was found: the world is level now.')
        return change

    def _adopt_rig(self, rows: Sequence[PlacedImage], estimated: np.ndarray) -> Similarity | None:
        """TF may come late: the world of the estimated rig then moves into the frame of the given one."""
        late = self.source in (WorldSource.FIRST_CAMERA, WorldSource.FLOOR) and self.cameras.policy.uses_given
        if not late or all(row.given is None for row in rows):
            return None
        unknown = np.full((4, 4), np.nan)
        before = [self.cameras.reference(dataclasses.replace(row, given=None)) for row in rows]
        placed = np.stack([unknown if pose is None else pose for pose in before])
        here = align_rigs(estimated, placed, scale=self._scale.scale).apply_poses(estimated)
        given = np.stack([unknown if row.given is None else row.given for row in rows])
        change = align_rigs(here, given, min_size=self.settings.minimum_baseline)
        self._move(change)
        self.source = WorldSource.TF
        self.notices.say('The rig is known now: the world moved into its frame.')
        return change

    def _start(self, rows: Sequence[PlacedImage], estimated: np.ndarray, vote: ScaleEstimate | None) -> Alignment:
        """The first window of an unknown rig defines the world."""
        self._scale.observe_vote(vote)
        scale = np.asarray(self._scale.scale)
        if self.level_gauge:
            tie = Similarity(scale, np.eye(3), np.zeros(3))
            self.source = WorldSource.FLOOR
        else:
            rotation = UPRIGHT @ estimated[0, :3, :3].T
            tie = Similarity(scale, rotation, -scale * (rotation @ estimated[0, :3, 3]))
            self.source = WorldSource.FIRST_CAMERA
        aligned = tie.apply_poses(estimated)
        self.cameras.observe(rows, aligned, np.full_like(aligned, np.nan), self.notices)
        return Alignment(float(scale), aligned, math.nan, None)

    def _update_scale(
        self,
        rows: Sequence[PlacedImage],
        estimated: np.ndarray,
        target: np.ndarray,
        weights: np.ndarray,
        vote: ScaleEstimate | None,
        seam: Seam | None,
    ) -> Similarity | None:
        """Filter the scale; returns how an estimated rig must grow to agree with its people."""
        self._scale.drift(self.settings.scale_smoothing)
        if self.settings.scale == 'network':
            self._scale = ScaleFilter()
            return None
        given = np.array([row.given is not None for row in rows])
        sure = np.where(given, weights, 0.0) if _extent(target[given]) > self.settings.minimum_baseline else weights
        used = sure > 0
        if self.settings.scale == 'people' or _extent(target[used]) <= self.settings.minimum_baseline:
            if seam is None or self.settings.scale == 'people':
                self._scale.observe_vote(vote)
                return None
            self._rig_scale.drift(seam.error)
            return self._follow(seam.ratio, seam.error, vote)
        tie = align_rigs(estimated, target, sure, min_size=0.0)
        misfit = tie.apply_poses(estimated)[used, :3, 3] - target[used, :3, 3]
        error = float(np.sqrt((misfit**2).sum(-1).mean())) / _extent(target[used])
        if given[used].any():
            self._scale.observe(*self._weighed(float(tie.scale), max(0.01, MISFIT_SCALE * error), vote), follow=True)
            return None
        return self._follow(float(tie.scale), max(0.01, error), vote)

    def _follow(self, ratio: float, sigma: float, vote: ScaleEstimate | None) -> Similarity | None:
        """Keep the scale that the estimated world has, as people correct it; returns the correction."""
        change = self._rescale_rig(ratio, vote)
        factor = 1.0 if change is None else float(change.scale)
        self._scale.observe(ratio * factor, sigma, follow=True)
        return change

    def _weighed(self, baselines: float, sigma: float, vote: ScaleEstimate | None) -> tuple[float, float]:
        """The scale that baselines, people and the network itself agree on, and its standard deviation.

        Cameras that the network puts in wrong places give wrong baselines, the same ones in every window: a filter
        would not notice, their misfit does.
        """
        opinions = [(0.0, self.settings.scale_prior), (math.log(baselines), sigma)]
        if vote is not None and vote.votes:
            opinions.append((math.log(vote.ratio), vote_sigma(vote)))
        trust = [1 / error**2 for _, error in opinions]
        mean = sum(weight * log for weight, (log, _) in zip(trust, opinions)) / sum(trust)
        return math.exp(mean), 1 / math.sqrt(sum(trust))

    def _rescale_rig(self, rig_scale: float, vote: ScaleEstimate | None) -> Similarity | None:
        """People measure network metres, and so, through this window, the metres of the estimated rig."""
        if vote is None or not vote.votes:
            return None
        self._rig_scale.observe_vote(dataclasses.replace(vote, ratio=vote.ratio / rig_scale))
        if abs(self._rig_scale.log) < RESCALE:
            return None
        change = Similarity.scaling(self._rig_scale.scale)
        self._rig_scale.log = 0.0
        self._move(change)
        return change

    def _move(self, change: Similarity) -> None:
        self._scale.log += math.log(change.scale)
        self.cameras.move(change)

    def _poses(self, rows: Sequence[PlacedImage], aligned: np.ndarray) -> np.ndarray:
        """(N, 4, 4) the poses to use: given or remembered ones where there are any, else those of this window."""
        poses = [self.cameras.reference(row, corrected=True) for row in rows]
        return np.stack([pose if known is None else known for known, pose in zip(poses, aligned)])


def _robust_weights(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(N,) weights that let a camera in the wrong place pull little; it takes three to tell which one is wrong."""
    known = np.isfinite(target[:, 0, 0])
    weights = known.astype(float)
    if known.sum() < 3:
        return weights
    size = max(_extent(target[known]), 0.1)
    for _ in range(REWEIGHTINGS):
        aligned = align_rigs(source, target, weights).apply_poses(source)
        apart = np.linalg.norm(aligned[known, :3, 3] - target[known, :3, 3], axis=1)
        turned = np.linalg.norm(aligned[known, :3, :3] - target[known, :3, :3], axis=(1, 2)) / math.sqrt(2)
        misfit = apart + 0.5 * size * turned
        usual = max(float(np.median(misfit)), 0.01 * size)
        weights[known] = 1.0 / (1.0 + (misfit / (2 * usual)) ** 2) ** 2
    return weights


def _extent(poses: np.ndarray) -> float:
    """Largest distance of two camera centres [m]; 0 for fewer than two poses."""
    if len(poses) < 2:
        return 0.0
    centres = poses[:, :3, 3]
    return float(np.sqrt(((centres[:, None] - centres) ** 2).sum(-1).max()))
