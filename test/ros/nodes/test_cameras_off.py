"""A person walks through the demo while each camera in turn is switched off: the trained network between processes.

What was observed goes into docs/reliability.md, see reliability_table.
"""

import signal
import subprocess
import sys
import time
from collections import defaultdict
from functools import cached_property
from itertools import groupby, pairwise

import numpy as np
import pytest
import rclpy
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from reliability_table import record

from chromm_ros.msg import CaptureStatus, Human, HumanArray

pytestmark = [pytest.mark.slow, pytest.mark.serial]

SEED = 2
"""Of a room in which all four cameras see the whole way of the person: three are left when one is off."""
CAMERAS = tuple(f'camera_{index}' for index in range(4))
OFF, ON = 5.0, 2.0
"""Seconds that each camera is off, and that all are on before the next one."""
WARM_UP = 5.0
"""Seconds after the first tracked person."""
SETTLED = 2.0
"""Seconds after a switch in which windows of the time before still come."""
PATIENCE = 180.0
"""Seconds until the first tracked person: the first run on a machine compiles the renderer."""
NEAR = 0.75
"""A report this near to the person's head is of that person [m], as in the scores of the demo."""


class Walk:
    """The demo from its start to its end, and what a plain node heard while it switched the cameras."""

    def __init__(self):
        self.heard = defaultdict(list)
        self.off = {}
        """Camera -> stamps between which it was off [s]."""
        self.node = rclpy.create_node('switch')
        for name, kind, topic in (
            ('humans', HumanArray, '/chromm/humans'),
            ('truth', HumanArray, '/synthetic/truth'),
            ('status', CaptureStatus, '/chromm/status'),
        ):
            self.node.create_subscription(kind, topic, self.heard[name].append, 50)
        self.parameters = self.node.create_client(SetParameters, '/synthetic/set_parameters')
        command = [sys.executable, '-m', 'chromm_ros.cli', 'demo', '--headless', '--script', 'walks']
        self.demo = subprocess.Popen(
            [*command, '--seed', str(SEED)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            self._switch_cameras()
            self.demo.send_signal(signal.SIGINT)
            self.said, _ = self.demo.communicate(timeout=30)
        finally:
            if self.demo.poll() is None:
                self.demo.kill()  # its children die with it
            self.node.destroy_node()

    def _switch_cameras(self):
        self._listen(PATIENCE, until=lambda: self.heard['humans'] and tracked(self.heard['humans'][-1]))
        self._listen(WARM_UP)
        self.begin = self._now()
        for camera in CAMERAS:
            self._stop(camera)
            since = self._now()
            self._listen(OFF)
            self.off[camera] = since, self._now()
            self._stop('')  # one empty name means none
            self._listen(ON)
        self.end = self._now()

    def _stop(self, camera):
        assert self.parameters.wait_for_service(timeout_sec=10.0)
        value = ParameterValue(type=ParameterType.PARAMETER_STRING_ARRAY, string_array_value=[camera])
        future = self.parameters.call_async(
            SetParameters.Request(parameters=[Parameter(name='stopped', value=value)])
        )
        self._listen(10.0, until=future.done)
        assert future.result().results[0].successful

    def _listen(self, seconds, until=lambda: False):
        deadline = time.monotonic() + seconds
        while not until() and time.monotonic() < deadline:
            assert self.demo.poll() is None, self.demo.stdout.read()
            rclpy.spin_once(self.node, timeout_sec=0.1)

    def _now(self):
        return 1e-9 * self.node.get_clock().now().nanoseconds

    @cached_property
    def windows(self):
        """(stamp, HumanArray, true head (3,)) after the warm-up, in order; the truth has the stamp of the images."""
        truth = {stamp(message): message.humans[0] for message in self.heard['truth']}
        return [
            (stamp(message), message, position(truth[stamp(message)]))
            for message in self.heard['humans']
            if self.begin <= stamp(message) <= self.end and stamp(message) in truth
        ]

    @property
    def longest_pause(self):
        """Between the stamps of two windows [s]."""
        return max(later - earlier for (earlier, *_), (later, *_) in pairwise(self.windows))

    def walker(self, message, head):
        """The tracked person next to the true one, and its distance; None when nobody is near."""
        near = [(float(np.linalg.norm(position(human) - head)), human) for human in tracked(message)]
        distance, human = min(near, key=lambda pair: pair[0], default=(np.inf, None))
        return (human, distance) if distance < NEAR else None


def tracked(message):
    return [human for human in message.humans if human.state == Human.TRACKED]


def position(human):
    return np.array([human.head.position.x, human.head.position.y, human.head.position.z])


def stamp(message):
    return message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec


@pytest.fixture(scope='module')
def walk():
    rclpy.init(args=[])
    try:
        yield Walk()
    finally:
        rclpy.shutdown()


def test_the_person_keeps_one_id_and_is_where_it_is_said_to_be(walk):
    found = [walk.walker(message, head) for _, message, head in walk.windows]
    seen = [pair for pair in found if pair is not None]
    ids = {human.id for human, _ in seen}
    median = float(np.median([distance for _, distance in seen]))
    assert len(found) >= 20, walk.said
    assert len(seen) >= 0.95 * len(found)
    assert len(ids) == 1
    assert median < 0.3
    record(
        'cameras_off',
        f'the person keeps one id and is reported in {len(seen)} of {len(found)} windows, at the median '
        f'{100 * median:.0f} cm from the truth; at every switch windows pause for camera_timeout, here for '
        f'{walk.longest_pause:.1f} s at most (trained tiny network, rig known from TF)',
    )


def test_the_camera_that_is_off_is_reported_and_the_others_are_not(walk):
    for camera, (since, until) in walk.off.items():
        within = [status for status in walk.heard['status'] if since + SETTLED < stamp(status) < until]
        assert within, f'no window while {camera} was off'
        for status in within:
            states = dict(zip(status.views, status.view_state))
            assert states.pop(camera) == CaptureStatus.MISSING
            assert set(states.values()) == {CaptureStatus.OK}


def test_nobody_else_is_reported_for_long(walk):
    others = [
        (time, len(tracked(message)) > (walk.walker(message, head) is not None))
        for time, message, head in walk.windows
    ]
    spells = [[time for time, _ in group] for wrong, group in groupby(others, lambda pair: pair[1]) if wrong]
    assert max((spell[-1] - spell[0] for spell in spells), default=0.0) < 2.0
