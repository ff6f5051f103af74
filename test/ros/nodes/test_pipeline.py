"""One activation: sets go through the worker, what is lost is counted by reason, and time may begin anew."""

import threading

import numpy as np
import pytest
import rclpy
import tf2_ros
from peer import Peer
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import Image
from standins import StandInBackend

from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.ros.common.settings import NodeSettings, Parameters
from chromm_ros.ros.common.transforms import CameraFrames
from chromm_ros.ros.nodes.cameras_node import image_message
from chromm_ros.ros.nodes.pipeline import SUPERSEDED, Pipeline
from chromm_ros.ros.outputs import cdr
from chromm_ros.ros.outputs.messages import header
from chromm_ros.ros.outputs.publishers import Outputs

SECOND = 1_000_000_000
CAMERAS = ('a', 'b')


class Bench(Peer):
    """A pipeline without its node: what the worker makes of sets that are put in by hand."""

    def __init__(self, **settings):
        self.backend = StandInBackend()
        self.triggered = threading.Event()
        node = LifecycleNode('bench')
        super().__init__(node)
        ready = node.create_guard_condition(self.triggered.set)
        self.pipeline = Pipeline(
            node,
            self.backend,
            Parameters(NodeSettings(cameras=CAMERAS, stamps='header', **settings), CaptureSettings()),
            Outputs(node, self.backend.body, 'map'),
            CameraFrames(tf2_ros.Buffer(), 'map', 'chromm/'),
            ready,
        )
        self.began = node.get_clock().now().nanoseconds

    def put(self, k, cameras=CAMERAS):
        """The ``k``-th image set, a tenth of a second after the one before."""
        pixels = np.full((6, 8, 3), k % 250, np.uint8)
        data = cdr.encode(Image, image_message(pixels, header(self.began + k * SECOND // 10, '')))
        for camera in cameras:
            self.pipeline.images[camera].signalMessage(data)

    def windows(self, count):
        return self.until(lambda: len(self.pipeline.outbox) >= count and list(self.pipeline.outbox))

    def close(self):
        self.pipeline.stop(5.0)
        super().close()


@pytest.fixture
def bench():
    rclpy.init(args=[])
    made = []

    def make(**settings):
        made.append(Bench(**settings))
        return made[-1]

    yield make
    for one in made:
        one.close()
    rclpy.try_shutdown()


def test_a_set_becomes_messages_that_wait_for_the_executor(bench):
    one = bench()
    one.put(0)
    (window,) = one.windows(1)
    assert window.snapshot.stamp == one.began
    assert list(one.backend.sets[0].views) == list(CAMERAS)
    assert {name for name, _ in window.messages} >= {'humans', 'status'}
    assert set(window.stages) >= {'synchronise', 'wait', 'images'}
    one.until(one.triggered.is_set)


def test_a_network_that_adapts_meets_new_sizes_of_images_in_the_thread_that_computes(bench):
    one = bench()
    one.backend.adapts = True
    for k in range(3):
        one.put(k)
        one.windows(k + 1)
    one.pipeline.time_went_back()
    one.put(3)
    one.windows(4)
    assert one.backend.rehearsed == [('inference', CAMERAS)]


def test_a_window_that_fails_is_counted_and_the_next_one_comes(bench):
    one = bench()
    one.backend.errors.append(RuntimeError('broken'))
    one.put(0)
    one.until(lambda: one.pipeline.failures)
    assert str(one.pipeline.failures[0]) == 'broken'
    assert one.pipeline.drop_counts() == {'window_RuntimeError': 1}
    one.put(1)
    one.windows(1)


def test_sets_that_come_while_a_window_is_computed_are_counted_as_superseded(bench):
    one = bench()
    with one.pipeline.worker.idle:  # the worker cannot begin
        for k in range(6):
            one.put(k)
    one.windows(1)
    one.until(lambda: one.pipeline.worker.mailbox.replaced >= 4)
    counts = one.pipeline.drop_counts()
    assert counts[SUPERSEDED] == 6 - len(one.pipeline.outbox)


def test_nothing_is_superseded_where_the_queue_blocks(bench):
    one = bench(queue_policy='block')
    one.backend.seconds = 0.01
    for k in range(6):
        one.put(k)
    one.windows(6)
    assert SUPERSEDED not in one.pipeline.drop_counts()


def test_a_clock_that_jumps_back_begins_a_session_with_the_cameras_in_use(bench):
    one = bench()
    one.put(0)
    one.windows(1)
    one.pipeline.use_views(('b',))
    one.pipeline.time_went_back()
    one.put(1, cameras=('b',))
    one.windows(2)
    assert len(one.backend.sessions) == 2
    assert one.backend.sessions[-1].views_in_use == ('b',)


def test_cameras_out_of_use_are_ignored_and_taken_back(bench):
    one = bench()
    one.pipeline.use_views(('a',))
    one.put(0, cameras=('a',))
    one.windows(1)
    assert list(one.backend.sets[-1].views) == ['a']
    one.pipeline.use_views(CAMERAS)
    one.put(1)
    one.windows(2)
    assert list(one.backend.sets[-1].views) == ['a', 'b']


def test_prediction_waits_for_the_first_window(bench):
    one = bench()
    assert one.pipeline.predicted(0) is None
    one.put(0)
    one.windows(1)
    people, snapshot = one.pipeline.predicted(one.began + SECOND)
    assert len(people) == one.backend.people
    assert snapshot.stamp == one.began


def test_images_that_cannot_be_read_are_counted_and_nothing_is_computed(bench):
    one = bench()
    pixels = np.zeros((6, 8, 3), np.uint8)
    broken = {**image_message(pixels, header(one.began, '')), 'encoding': 'no such encoding'}
    for camera in CAMERAS:
        one.pipeline.images[camera].signalMessage(cdr.encode(Image, broken))
    one.until(lambda: sum(one.pipeline.drop_counts().values()) >= 2)
    assert not one.pipeline.outbox
    assert not one.backend.sets
