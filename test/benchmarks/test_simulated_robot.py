"""A robot that knows nothing but HumanArray drives through demo rooms: it hurts nobody and does get somewhere."""

import numpy as np
import pytest

from chromm_ros.benchmarks.planner import WAYS, captured, messages, places
from chromm_ros.benchmarks.simulated_robot import RADIUS, SPEED, Message, Robot, are_reported, drive
from chromm_ros.body.model import BodyModel
from chromm_ros.evaluation.tracking.runs import LongWorld
from chromm_ros.flow import HumanState
from chromm_ros.network.chromm import Chromm

MINUTES = 0.2
ROOMS = ((1_000_001, 3), (1_000_003, 3), (1_000_003, 5), (1_000_004, 5), (1_000_005, 3), (1_000_005, 5))
"""Seed and people; rooms in which a robot that leaves something out comes too near."""
USUAL, OFTEN, SLOW, RARELY = (0.4, 4.0), (0.1, 10.0), (0.8, 4.0), (0.4, 2.0)
"""Latency of the messages [s], decisions of the robot per second."""
NEAREST = 0.5
"""Distance of the robot's centre from the mid-hip of somebody in the message that it never falls below [m]."""
STOPPED, UNREPORTED = 0.5, 0.05
"""Shares at most: of the time that it stands, and of people who are in no message."""


@pytest.fixture(scope='module')
def rooms():
    """What was captured in a quarter of a minute of each room, where people are, and where robots start."""
    body = BodyModel.load()
    network = Chromm.from_preset('tiny', None, body=body)
    plans = [LongWorld.sample(seed, people, 4, MINUTES, 4.0) for seed, people in ROOMS]
    return [(captured(plan, network, body), places(plan), WAYS * plan.world.room.half[:2]) for plan in plans]


def drives(rooms, latency, rate, robot=Robot):
    """How robots fare on all ways through all rooms."""
    published = [messages(captures, latency) for captures, _, _ in rooms]
    return [
        drive(told, where, robot(start, -start), rate)
        for told, (_, where, starts) in zip(published, rooms)
        for start in starts
    ]


class IgnoresMargins(Robot):
    def drive(self, message, age, seconds):
        bare = [{**human, 'cylinder': {**human['cylinder'], 'margin': 0.0}} for human in message['humans']]
        return super().drive({'humans': bare}, age, seconds)


class IgnoresTheUnseen(Robot):
    def drive(self, message, age, seconds):
        seen = [human for human in message['humans'] if human['state'] != HumanState.PREDICTED]
        return super().drive({'humans': seen}, age, seconds)


@pytest.mark.slow
@pytest.mark.parametrize('conditions', [USUAL, OFTEN, SLOW, RARELY])
def test_a_robot_that_believes_the_message_hurts_nobody(rooms, conditions):
    assert min(one.nearest for one in drives(rooms, *conditions)) >= NEAREST


@pytest.mark.slow
@pytest.mark.parametrize('conditions', [USUAL, OFTEN])
def test_a_robot_gets_somewhere(rooms, conditions):
    assert np.mean([one.stopped for one in drives(rooms, *conditions)]) <= STOPPED


@pytest.mark.slow
@pytest.mark.parametrize(('robot', 'conditions'), [(IgnoresMargins, USUAL), (IgnoresTheUnseen, OFTEN)])
def test_a_robot_that_leaves_something_out_hurts_somebody(rooms, robot, conditions):
    assert min(one.nearest for one in drives(rooms, *conditions, robot)) < NEAREST


@pytest.mark.slow
def test_nearly_everybody_is_reported(rooms):
    reported = []
    for captures, where, _ in rooms:
        for message in messages(captures, 0.4):
            truth = where(message.imaged)
            reported += are_reported(message.content, truth)[np.isfinite(truth).all(1)].tolist()
    assert np.mean(reported) >= 1 - UNREPORTED


def person(x, y, margin=0.4, state=HumanState.TRACKED, **cylinder):
    made = {'base': np.array([x, y, 0.0]), 'radius': 0.4, 'margin': margin, 'placed': True, **cylinder}
    return {'state': state, 'cylinder': made, 'pose': {'pose': np.array([x, y, 0.9, 0, 0, 0, 1])}}


def velocity(*humans, age=0.0, seconds=0.25):
    """Of a robot at the origin that wants to go along x."""
    return Robot(np.zeros(2), np.array([4.0, 0.0])).drive({'humans': list(humans)}, age, seconds)


def test_a_robot_goes_to_and_fro_where_nobody_is():
    robot, visited = Robot(np.zeros(2), np.array([1.0, 0.0])), []
    for _ in range(32):
        robot.drive({'humans': []}, 0.0, 0.25)
        visited.append(robot.place[0])
    assert max(visited) > 0.8
    assert min(visited[10:]) < 0.2
    np.testing.assert_allclose(velocity(), [SPEED, 0.0], atol=1e-9)


def test_a_robot_keeps_out_for_as_long_as_it_does_not_decide_again():
    reach = 0.4 + 0.4 + RADIUS
    assert velocity(person(reach + 0.6, 0.0))[0] == pytest.approx(SPEED), '0.4 m of the person and 0.125 of the robot'
    assert velocity(person(reach + 0.5, 0.0))[0] < SPEED
    assert velocity(person(reach + 0.6, 0.0), age=0.2)[0] < SPEED
    assert velocity(person(reach + 0.6, 0.0), seconds=0.5)[0] < SPEED


@pytest.mark.parametrize('placed', [True, False])
def test_a_robot_leaves_only_away_from_every_place_where_the_person_may_be(placed):
    near = person(-0.9, 0.0, placed=placed)
    fled = velocity(near)
    assert fled[0] == pytest.approx(SPEED)
    behind = velocity(person(0.9, 0.0, placed=placed))
    assert behind @ [1, 0] <= -SPEED * 0.8 / 0.9 + 1e-9
    assert not velocity(person(0.5, 0.0, placed=placed)).any(), 'it may be anywhere around'


def test_a_robot_drops_who_is_lost():
    assert velocity(person(0.5, 0.0, state=HumanState.LOST))[0] == pytest.approx(SPEED)


def test_distances_count_where_the_robot_drives_at_somebody():
    def where(time):
        return np.array([[1.0, 0.3], [-0.3, 0.0], [np.nan, np.nan]])

    nobody = [Message(float(time), {'latency': {'sec': 0, 'nanosec': 0}, 'humans': []}) for time in range(3)]
    fared = drive(nobody, where, Robot(np.zeros(2), np.array([4.0, 0.0])), 4.0)
    assert fared.nearest == np.inf
    assert fared.nearest_unreported == pytest.approx(0.3, abs=0.01), 'passes the first, leaves the second behind'
    assert fared.stopped == 0.0


def test_one_person_of_a_message_is_one_true_person():
    message = {'humans': [person(0.1, 0.0), person(3.0, 0.0, state=HumanState.LOST)]}
    truth = np.array([[0.0, 0.0], [0.4, 0.0], [3.0, 0.0], [np.nan, np.nan]])
    assert are_reported(message, truth).tolist() == [True, False, False, False]
