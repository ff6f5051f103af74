"""A robot in a simulated room that knows nothing but HumanArray: how near does it come, how often does it stand?

It is what docs/planners.md asks of a planner, and no more: a disc that goes to and fro between two points.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from chromm_ros.flow import HumanState
from chromm_ros.ros.outputs.margins import WALKING_SPEED
from chromm_ros.ros.outputs.messages import Description

SPEED, RADIUS = 0.5, 0.25
"""Of the robot [m/s], [m]."""

GATE = 1.0
"""Distance on the floor within which a published person is a true one [m]."""

MOMENT = 0.05
"""Time between two looks at how near the robot is [s]."""

ANGLES = np.linspace(0, 2 * math.pi, 24, endpoint=False)
DIRECTIONS = np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1)

Places = Callable[[float], np.ndarray]
"""Time [s] to where everybody is on the floor (K, 2) [m]; NaN: not in the room."""


class Message(NamedTuple):
    """One HumanArray and when it was published."""

    time: float  # [s]
    content: Description

    @property
    def imaged(self) -> float:
        """Time of the images [s]."""
        latency = self.content['latency']
        return self.time - latency['sec'] - 1e-9 * latency['nanosec']


class Robot:
    """Drives to and fro between two points of the floor (2,) [m]."""

    def __init__(self, start: np.ndarray, goal: np.ndarray) -> None:
        self.place, self.goals = np.array(start, float), [np.array(goal, float), np.array(start, float)]

    def drive(self, message: Description, age: float, seconds: float) -> np.ndarray:
        """Go on for some time in the free direction that leads nearest to the goal, or stand where none is free.

        It keeps out of every cylinder, inflated by the margin and the way until it decides again, whether it is a
        place or a region. Where somebody came so near that it stands in one, it leaves only in directions that lead
        away from every place where the person may be; those away from the middle alone do not.

        Args:
            age: of the message since its publication [s].

        Returns:
            Its velocity (2,) [m/s].
        """
        if np.linalg.norm(self.goals[0] - self.place) < SPEED * seconds:
            self.goals.reverse()
        ends = self.place + SPEED * seconds * DIRECTIONS
        free = np.ones(len(ends), bool)
        for human in message['humans']:
            cylinder = human['cylinder']
            if human['state'] == HumanState.LOST:
                continue
            middle, margin = np.asarray(cylinder['base'][:2]), cylinder['margin'] + WALKING_SPEED * (age + seconds)
            outside = np.linalg.norm(ends - middle, axis=1) > cylinder['radius'] + margin + RADIUS
            free &= outside | (DIRECTIONS @ (self.place - middle) >= margin)
        if not free.any():
            return np.zeros(2)
        best = np.flatnonzero(free)[np.linalg.norm(ends[free] - self.goals[0], axis=1).argmin()]
        self.place = ends[best]
        return SPEED * DIRECTIONS[best]


@dataclass(frozen=True)
class Drive:
    """How one robot fared."""

    nearest: float
    """Least distance from the mid-hip of somebody in the newest message to whom the robot was driving [m]."""
    nearest_unreported: float
    """The same of people who are in no message."""
    stopped: float
    """Share of the time that it stood."""


def drive(messages: Sequence[Message], places: Places, robot: Robot, rate: float) -> Drive:
    """Let a robot drive from the first message to the last, which decides ``rate`` times a second.

    Who stands still is not near by its own doing: a distance counts where the robot moves and it shrinks by that.
    """
    published = np.array([message.time for message in messages])
    nearest, stood, seconds = [math.inf, math.inf], [], 1 / rate
    for time in np.arange(published[0], published[-1], seconds):
        newest = messages[int(np.searchsorted(published, time + 1e-6)) - 1]
        reported = are_reported(newest.content, places(newest.imaged))
        begin, velocity = robot.place, robot.drive(newest.content, time - newest.time, seconds)
        stood.append(not velocity.any())
        for after in np.arange(MOMENT, seconds + 1e-6, MOMENT):
            away = places(time + after) - (begin + after * velocity)
            driven_at = away @ velocity > 0
            for kind, people in enumerate((reported, ~reported)):
                distance = np.linalg.norm(away[people & driven_at], axis=1)
                nearest[kind] = min(nearest[kind], float(distance.min(initial=math.inf)))
    return Drive(nearest[0], nearest[1], float(np.mean(stood)))


def are_reported(message: Description, truth: np.ndarray) -> np.ndarray:
    """(K,) bool: somebody of the message who has a place or a region is this true person at (K, 2) [m]."""
    truth = np.nan_to_num(truth, nan=math.inf)
    people = [human['pose']['pose'][:2] for human in message['humans'] if human['state'] != HumanState.LOST]
    away = np.linalg.norm(truth[:, None] - np.array(people).reshape(1, -1, 2), axis=-1)
    away = np.minimum(away, 2 * GATE)
    rows, columns = linear_sum_assignment(away)
    reported = np.zeros(len(truth), bool)
    reported[rows] = away[rows, columns] < GATE
    return reported
