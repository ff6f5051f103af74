"""What messages of demo rooms say to a planner."""

import numpy as np
import pytest

from chromm_ros.benchmarks.planner import Readings, captured, messages, shown, shown_drives
from chromm_ros.benchmarks.simulated_robot import Message
from chromm_ros.body.model import BodyModel
from chromm_ros.evaluation.tracking.runs import LongWorld
from chromm_ros.flow import HumanState
from chromm_ros.network.chromm import Chromm
from chromm_ros.people.settings import FusionSettings
from chromm_ros.ros.outputs.margins import WALKING_SPEED
from chromm_ros.ros.outputs.messages import HumanOptions

LATENCY = 0.4
SUNK = 1_000_005
"""A room whose floor the network alone sees too low."""


@pytest.mark.slow
def test_margins_residuals_and_cylinders_of_a_room_keep_their_limits():
    body = BodyModel.load()
    plan = LongWorld.sample(SUNK, 3, 4, 0.25, 4.0)
    published = [
        message for _, message in messages(captured(plan, Chromm.from_preset('tiny', None, body=body), body), LATENCY)
    ]
    widest = HumanOptions().max_margin
    humans = [human for message in published for human in message['humans']]
    assert len(humans) > 100
    for message in published:
        now = message['header']['stamp']['sec'] + 1e-9 * message['header']['stamp']['nanosec'] + LATENCY
        for human in message['humans']:
            seen = human['last_observed']['sec'] + 1e-9 * human['last_observed']['nanosec']
            assert human['cylinder']['margin'] <= widest + WALKING_SPEED * (now - seen) + 1e-6
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
    imaged = np.array([[1.3, 2.0], [9.0, 9.0], [np.nan, np.nan]])
    truth = np.array([[1.5, 2.0], [9.0, 9.0], [1.0, 2.0]])
    message = Message(7.4, {'latency': {'sec': 0, 'nanosec': 400_000_000}, 'humans': [human, lost]})
    readings.add(message, lambda time: truth if time == 7.4 else imaged)
    table = readings.table()
    assert table['seen: margin [m]']['50 %'] == pytest.approx(0.3)
    assert table['seen: cylinder base [m]'] == {'count': 1, **dict.fromkeys(('5 %', '50 %', '95 %', '100 %'), -0.1)}
    assert table['residual of fused views [m]']['100 %'] == pytest.approx(0.02)
    assert table['seen: vertical speed [m/s]']['50 %'] == pytest.approx(0.5)
    assert table['seen, walking: true mid-hip within the inflated cylinder']['share'] == 1.0
    assert table['seen, walking: true mid-hip within the margin']['share'] == 0.0
    assert 'margin' in shown(table)
    assert table['people in the message'] == {'count': 2, 'share': 0.5}


def test_a_row_of_drives_shows_the_nearest_and_the_mean():
    key = {'room': 7, 'latency': 0.4, 'robot_rate': 4.0}
    ways = [
        {**key, 'nearest': 0.8, 'nearest_unreported': 2.0, 'stopped': 0.1},
        {**key, 'nearest': 0.6, 'nearest_unreported': np.inf, 'stopped': 0.3},
    ]
    assert shown_drives(ways).splitlines()[1].split() == [
        '7',
        '0.4',
        's',
        '4',
        'Hz',
        '0.60',
        'm',
        '2.00',
        'm',
        '20',
        '%',
    ]
