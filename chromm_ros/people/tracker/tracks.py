"""Everybody whom a tracker knows, one row for each person."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.geometry.similarity import Similarity
from chromm_ros.people.tracker.kinematics import MOTION, PLACE, RISE, WalkingModel, unknown
from chromm_ros.skeleton import BODY_JOINTS

BETAS = 10

NEVER = -np.inf


@dataclass
class Tracks:
    """T people seen by V views. Changed by :class:`~chromm_ros.people.tracker.tracker.Tracker` alone."""

    key: np.ndarray
    """(T,) int, never used again: names a person before it has an id, and keeps apart two who had one id in turn."""
    id: np.ndarray
    """(T,) int; 0: not believed in yet."""
    mean: np.ndarray  # (T, 7 + V) head [m], velocity [m/s], rise [m], error of each view's log distance
    covariance: np.ndarray  # (T, 7 + V, 7 + V)
    human: np.ndarray
    """(T,) log odds of being a person and not something that looks like one."""
    known: np.ndarray
    """(T,) bool: that was sure once, and is not doubted again."""
    present: np.ndarray
    """(T,) log odds of still being there."""
    born: np.ndarray  # (T,) time of the first detection [s]
    seen: np.ndarray  # (T,) time of the last detection [s]
    since: np.ndarray  # (T,) time from which on there were detections without a long pause [s]
    betas: np.ndarray  # (T, 10) running mean
    count: np.ndarray  # (T,) detections in it
    posture: np.ndarray  # (T, 22, 3) joints about the head when last seen, mean over views [m]
    view_posture: np.ndarray  # (T, V, 22, 3) as each view saw it last
    view_time: np.ndarray  # (T, V) when that was [s]; NEVER
    owned: np.ndarray
    """(T, V) int: row of the detection of each view that is the person's now, among the M of the view; -1: none."""

    def __len__(self) -> int:
        return len(self.id)

    @property
    def existence(self) -> np.ndarray:
        """(T,) probability that there is a person, and still there."""
        odds = np.where(self.known, self.present, np.minimum(self.human, self.present))
        return 1 / (1 + np.exp(-odds))

    @property
    def spread(self) -> np.ndarray:
        """(T,) largest standard deviation of the place [m]."""
        return np.sqrt(np.linalg.eigvalsh(self.covariance[:, PLACE, PLACE])[:, -1])

    @property
    def observed(self) -> np.ndarray:
        """(T,) bool: a view sees the person now."""
        return np.asarray((self.owned >= 0).any(1))

    @staticmethod
    def nobody(views: int) -> Tracks:
        """An empty table."""
        return Tracks.begun(0, views, 0.0, WalkingModel(), EstimateErrors())

    @staticmethod
    def begun(count: int, views: int, time: float, walking: WalkingModel, errors: EstimateErrors) -> Tracks:
        """New people of whom nothing is known yet."""
        mean, covariance = unknown(count, views, walking, errors)
        return Tracks(
            key=np.zeros(count, int),
            id=np.zeros(count, int),
            mean=mean,
            covariance=covariance,
            human=np.zeros(count),
            known=np.zeros(count, bool),
            present=np.zeros(count),
            born=np.full(count, time),
            seen=np.full(count, time),
            since=np.full(count, time),
            betas=np.zeros((count, BETAS)),
            count=np.zeros(count),
            posture=np.zeros((count, BODY_JOINTS, 3)),
            view_posture=np.zeros((count, views, BODY_JOINTS, 3)),
            view_time=np.full((count, views), NEVER),
            owned=np.full((count, views), -1),
        )

    def take(self, index: np.ndarray) -> Tracks:
        """Some of the people."""
        return Tracks(**{name: array[index] for name, array in self.arrays().items()})

    def followed_by(self, other: Tracks) -> Tracks:
        """These people, then those."""
        mine, theirs = self.arrays(), other.arrays()
        return Tracks(**{name: np.concatenate([mine[name], theirs[name]]) for name in mine})

    def arrays(self) -> dict[str, np.ndarray]:
        """All fields by name."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def with_views(self, views: int, errors: EstimateErrors) -> Tracks:
        """The same people for a rig that has more views now; what these err about anybody is not known."""
        added = views - self.owned.shape[1]
        if added <= 0:
            return self
        count, size = len(self), self.mean.shape[1]
        covariance = np.zeros((count, size + added, size + added))
        covariance[:, :size, :size] = self.covariance
        covariance[:, range(size, size + added), range(size, size + added)] = errors.depth_bias**2
        more = Tracks.begun(count, added, 0.0, WalkingModel(), errors)
        return dataclasses.replace(
            self,
            mean=np.concatenate([self.mean, np.zeros((count, added))], 1),
            covariance=covariance,
            view_posture=np.concatenate([self.view_posture, more.view_posture], 1),
            view_time=np.concatenate([self.view_time, more.view_time], 1),
            owned=np.concatenate([self.owned, more.owned], 1),
        )

    def moved(self, change: Similarity) -> Tracks:
        """The same people in the frame that ``change`` maps the world to; bodies keep their size."""
        size = self.mean.shape[1]
        linear = np.eye(size)
        linear[:3, :3] = linear[3:MOTION, 3:MOTION] = float(change.scale) * change.rotation
        linear[RISE, RISE] = float(change.scale)
        mean = self.mean @ linear.T
        mean[:, :3] += change.translation
        turn = change.rotation.T
        return dataclasses.replace(
            self,
            mean=mean,
            covariance=linear @ self.covariance @ linear.T,
            posture=self.posture @ turn,
            view_posture=self.view_posture @ turn,
        )
