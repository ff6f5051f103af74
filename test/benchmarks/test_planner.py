"""A planner that knows nothing but HumanArray drives through demo rooms: it hurts nobody and does get somewhere."""

import math

import numpy as np
import pytest

from chromm_ros.benchmarks.planner import Readings, messages, shown
from chromm_ros.body.model import BodyModel
from chromm_ros.evaluation.tracking.runs import LongWorld
from chromm_ros.flow import HumanState
from chromm_ros.network.chromm import Chromm
from chromm_ros.people.settings import FusionSettings
from chromm_ros.ros.outputs.margins import WALKING_SPEED
from chromm_ros.ros.outputs.messages import HumanOptions

RATE, LATENCY, MINUTES = 4.0, 0.4, 0.25
DRIVEN, SUNK = 1_000_003, 1_000_005
"""Rooms: one to drive through, and one whose floor the network alone sees too low."""
SPEED = 0.5
"""Of the robot [m/s]."""
ROBOT = 0.25
"""Its radius [m]."""
NEAREST = 0.5
"""Distance of its centre from the mid-hip of a true person that it never falls below by driving there [m]."""
STOPPED = 0.5
"""Share of the time that it stands at most."""


class Planner:
    """Drives to and fro between two points; stops or goes around where the message says that people are."""

    def __init__(self, start, goal):
        self.at, self.goals = np.array(start, float), [np.array(goal, float), np.array(start, float)]
        self.moving = False

    def drive(self, message, seconds):
        """Take the way of ``seconds`` that is free and leads nearest to the goal; stand when none is."""
        keep_out = []
        for human in message['humans']:
            cylinder = human['cylinder']
            if human['state'] != HumanState.LOST and cylinder['placed']:
                reach = cylinder['radius'] + cylinder['margin'] + ROBOT + WALKING_SPEED * seconds
                keep_out.append((np.asarray(cylinder['base'][:2]), reach))
        if np.linalg.norm(self.goals[0] - self.at) < SPEED * seconds:
            self.goals.reverse()
        angles = np.linspace(0, 2 * math.pi, 24, endpoint=False)
        ways = self.at + SPEED * seconds * np.column_stack([np.cos(angles), np.sin(angles)])
        free = [way for way in ways if all(self.allowed(way, *circle) for circle in keep_out)]
        self.moving = bool(free)
        if free:
            self.at = min(free, key=lambda way: np.linalg.norm(way - self.goals[0]))

    def allowed(self, way, middle, reach):
        """Out of the circle, or away from its middle: people come near, and it may leave."""
        before, after = np.linalg.norm(self.at - middle), np.linalg.norm(way - middle)
        return after > reach or after > before + 0.8 * np.linalg.norm(way - self.at)


def run(seed):
    """A quarter of a minute of a demo room, and its messages."""
    body = BodyModel.load()
    plan = LongWorld.sample(seed, 3, 4, MINUTES, RATE)
    return plan, list(messages(plan, Chromm.from_preset('tiny', None, body=body), body, LATENCY))


def nearest_and_stopped(published, half, blind=False):
    """Least distance [m] from a true person that the robot came nearer to, and how often it stood."""
    planner = Planner(-0.6 * half[:2], 0.6 * half[:2])
    nearest, stopped, before = math.inf, 0, planner.at
    for _, message, truth in published:
        here = np.linalg.norm(truth - planner.at, axis=1)
        nearest = min(nearest, here[here < np.linalg.norm(truth - before, axis=1)].min(initial=math.inf))
        before = planner.at
        planner.drive({'humans': []} if blind else message, 1 / RATE)
        stopped += not planner.moving
    return nearest, stopped


@pytest.mark.slow
def test_a_planner_that_believes_the_message_hurts_nobody_and_gets_somewhere():
    plan, published = run(DRIVEN)
    nearest, stopped = nearest_and_stopped(published, plan.world.room.half)
    assert nearest >= NEAREST, f'and stopped {stopped} of {len(published)} times'
    assert stopped <= STOPPED * len(published), f'and the nearest was {nearest:.2f} m'
    assert nearest_and_stopped(published, plan.world.room.half, blind=True)[0] < NEAREST, 'nobody was in the way'


@pytest.mark.slow
def test_margins_residuals_and_cylinders_of_a_room_keep_their_limits():
    _, published = run(SUNK)
    widest = HumanOptions().max_margin
    humans = [human for _, message, _ in published for human in message['humans']]
    assert len(humans) > 100
    for _, message, _ in published:
        now = message['header']['stamp']['sec'] + 1e-9 * message['header']['stamp']['nanosec'] + LATENCY
        for human in message['humans']:
            seen = human['last_observed']['sec'] + 1e-9 * human['last_observed']['nanosec']
            assert human['cylinder']['margin'] <= widest + WALKING_SPEED * (now - seen) + 1e-6
            assert human['cylinder']['placed'] == (human['cylinder']['margin'] <= widest)
            fused = [view['residual'] for view in human['observations'] if view['fused']]
            assert len(fused) < 3 or max(fused) <= FusionSettings.max_ray_distance
    tracked = [human for human in humans if human['state'] == HumanState.TRACKED]
    assert np.mean([human['cylinder']['placed'] for human in tracked]) > 0.9
    assert np.percentile([human['cylinder']['base'][2] for human in tracked], 5) > -0.1


def test_what_is_read_of_a_message_is_what_it_says():
    human = {
        'state': HumanState.TRACKED,
        'cylinder': {'placed': True, 'margin': 0.3, 'radius': 0.4, 'base': np.array([1.0, 2.0, -0.1])},
        'twist': {'twist': np.array([0, 0, -0.5, 0, 0, 0])},
        'observations': [{'fused': True, 'residual': 0.02}, {'fused': False, 'residual': 0.9}],
        'pose': {'pose': np.array([1.0, 2.0, 0.9, 0, 0, 0, 1])},
    }
    lost = {**human, 'state': HumanState.LOST}
    readings = Readings()
    readings.add({'humans': [human, lost]}, np.array([[1.5, 2.0], [9.0, 9.0]]))
    table = readings.table()
    assert table['seen: margin [m]']['50 %'] == pytest.approx(0.3)
    assert table['seen: cylinder base [m]'] == {'count': 1, **dict.fromkeys(('5 %', '50 %', '95 %', '100 %'), -0.1)}
    assert table['residual of fused views [m]']['100 %'] == pytest.approx(0.02)
    assert table['seen: vertical speed [m/s]']['50 %'] == pytest.approx(0.5)
    assert table['seen: true mid-hip inside of the inflated cylinder']['share'] == 1.0
    assert table['seen: true mid-hip within the margin']['share'] == 0.0
    assert 'margin' in shown(table)
