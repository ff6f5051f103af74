"""Which detection is whom: each view one to one, jointly over the views."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.people.tracker.evidence import place_evidence
from chromm_ros.people.tracker.kinematics import Measurements, Prior
from chromm_ros.people.tracker.tables import HeadDetections

VOLUME = 30.0
"""Where the heads of strangers can be [m^3]."""

PASSES = 4
"""Most times that every view is solved again with what the others say; two or three are enough nearly always."""

LEAST_RATE, MOST_RATE = 0.03, 0.97
"""Detection probabilities are cut here: no view is sure to see somebody, none sure not to."""


@dataclass(frozen=True)
class Owners:
    """Whose the N detections are."""

    person: np.ndarray  # (N,) index of the person, -1: nobody known
    usual: np.ndarray  # (N,) probability that the detection has the usual noise
    passes: int
    """How often all views were gone through."""
    settled: bool
    """The last pass changed nothing."""


class JointAssignment:
    """Detections of one image set assigned to T people by coordinate ascent on their joint posterior.

    A view alone cannot tell who of two people on one ray it sees; where the other views put them can. So each view is
    solved one to one with the places that everybody has after the detections that the other views chose, until no
    view changes its mind.
    """

    def __init__(
        self,
        mean: np.ndarray,
        covariance: np.ndarray,
        detections: HeadDetections,
        measurements: Measurements,
        appearance: np.ndarray,
        rate: np.ndarray,
        errors: EstimateErrors,
    ):
        """
        Args:
            mean, covariance: (T, 4 + V), (T, 4 + V, 4 + V) predicted reduced states.
            appearance: (T, N) log likelihood ratios of posture and shape.
            rate: (T, V) probability that the person is there and the view detects it.
        """
        self.detections, self.measurements, self.errors = detections, measurements, errors
        self.points = detections.point
        self.prior = Prior.of(mean, covariance)
        rate = np.clip(rate, LEAST_RATE, MOST_RATE)
        gain = np.log(rate) - np.log1p(-rate)  # (T, V)
        stranger = np.log(errors.detection.false_alarms / VOLUME)
        self.constant = appearance + gain[:, detections.view] - stranger
        self.person = np.full(len(detections), -1)
        self.usual = np.ones(len(detections))
        self.rows = [np.flatnonzero(detections.view == view) for view in range(rate.shape[1])]
        density, usual = self._density(mean, covariance, np.arange(len(detections)))
        for rows in self.rows:
            self._solve(rows, density[:, rows], usual[:, rows])

    def solve(self, passes: int = PASSES) -> Owners:
        """Go through the views until nothing changes, or ``passes`` times."""
        views = [view for view, rows in enumerate(self.rows) if len(rows)]
        known: dict[int, bytes] = {}
        for number in range(passes):
            changed = False
            for view in views:
                others = np.where(self.detections.view != view, self.person, -2)
                if known.get(view) == others.tobytes():
                    continue
                known[view], before = others.tobytes(), self.person.copy()
                rows = self.rows[view]
                mean, covariance = self.posterior(others >= 0)
                self._solve(rows, *self._density(mean, covariance, rows))
                changed |= bool((before != self.person).any())
            if not changed:
                return Owners(self.person, self.usual, number + 1, True)
        return Owners(self.person, self.usual, passes, False)

    def posterior(self, used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Reduced states (T, D), (T, D, D) after the assigned detections ``used`` (N,) bool."""
        information, vector = self.measurements.mixed(self.usual)
        return self.prior.after(self.person[used], information[used], vector[used])

    def _density(self, mean: np.ndarray, covariance: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return place_evidence(
            mean, covariance, self.points[rows], self.measurements.take(rows), self.detections.view[rows],
            self.errors.detection.tail,
        )  # fmt: skip

    def _solve(self, rows: np.ndarray, density: np.ndarray, usual: np.ndarray) -> None:
        gain = density + self.constant[:, rows]
        person, column = linear_sum_assignment(-np.maximum(gain, 0.0))
        good = gain[person, column] > 0
        person, column = person[good], column[good]
        self.person[rows], self.usual[rows] = -1, 1.0
        self.person[rows[column]], self.usual[rows[column]] = person, usual[person, column]
