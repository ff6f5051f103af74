"""The managed node in this process: its life, its lazy outputs, and that it lives as long as it is wanted."""

import gc
import threading

import numpy as np
import pytest
import rclpy
from peer import Peer, resident_mb
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from reliability_table import record
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from standins import StandInBackend, camera
from vision_msgs.msg import Detection3DArray
from visualization_msgs.msg import Marker, MarkerArray

from chromm_ros.msg import CaptureStatus, HumanArray
from chromm_ros.ros.nodes.cameras_node import image_message
from chromm_ros.ros.nodes.capture_node import CaptureNode
from chromm_ros.ros.outputs import cdr
from chromm_ros.ros.outputs.messages import header

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
PIXELS = np.full((6, 8, 3), 50, np.uint8)
SECOND = 1_000_000_000


def raw_image(stamp):
    return cdr.encode(Image, image_message(PIXELS, header(stamp, '')))


class Stage(Peer):
    """A capture node with a stand-in backend, and a peer that talks to it."""

    def __init__(self, **parameters):
        self.backend = StandInBackend()
        overrides = {'cameras': ['a', 'b'], 'autostart': False, **parameters}
        self.node = CaptureNode(
            lambda settings: self.backend,
            parameter_overrides=[Parameter(name, value=value) for name, value in overrides.items()],
        )
        super().__init__(self.node)

    def feed(self, stamp):
        """One set through the filters of the pipeline, without DDS."""
        for source in self.node.pipeline.synchronizer.buffer.queues:
            self.node.pipeline.images[source].signalMessage(raw_image(stamp))


@pytest.fixture
def stage():
    rclpy.init(args=[])
    stages = []

    def make(**parameters):
        stages.append(Stage(**parameters))
        return stages[-1]

    yield make
    for one in stages:
        one.close()
    rclpy.try_shutdown()


def active(stage):
    assert stage.node.trigger_configure() == SUCCESS
    assert stage.node.trigger_activate() == SUCCESS
    return stage


def test_life_from_unconfigured_to_active_and_back(stage):
    one = active(stage())
    assert one.node.state == 'active'
    assert len(one.backend.sessions) == 1
    assert one.node.trigger_deactivate() == SUCCESS
    assert one.node.pipeline is None
    assert one.node.trigger_activate() == SUCCESS
    assert len(one.backend.sessions) == 2, 'every activation is a session of its own'
    assert one.node.trigger_deactivate() == SUCCESS
    assert one.node.trigger_cleanup() == SUCCESS
    assert one.node.state == 'unconfigured'
    active(one)


def test_node_starts_itself_when_nobody_manages_it(stage):
    one = stage(autostart=True)
    one.until(lambda: one.node.state == 'active')


def test_backend_that_cannot_be_loaded_leaves_the_node_unconfigured(stage):
    one = stage()

    def fails(settings):
        raise FileNotFoundError('weights.safetensors does not exist')

    one.node._make_backend = fails
    assert one.node.trigger_configure() == FAILURE
    assert one.node.state == 'unconfigured'
    assert 'weights.safetensors' in one.node.health_log.fatal
    one.node._make_backend = lambda settings: one.backend
    active(one)


def test_activation_that_fails_says_why_and_leaves_nothing_behind(stage):
    impossible = {'qos_overrides./b/image.subscription.reliability': 'sometimes'}
    one = stage(**impossible)
    one.node.trigger_configure()
    before = len(list(one.node.subscriptions))
    assert one.node.trigger_activate() == FAILURE
    assert one.node.state == 'inactive'
    assert 'sometimes' in one.node.health_log.fatal
    assert len(list(one.node.subscriptions)) == before


@pytest.mark.parametrize(
    ('rules', 'prefix'),
    [
        ((), 'chromm/'),
        (('-r', '__ns:=/r1'), 'r1/chromm/'),
        (('-r', '__node:=front_hall'), 'front_hall/'),
        (('-p', 'camera_frame_prefix:=rig_'), 'rig_'),
    ],
)
def test_two_captures_name_the_frames_of_their_cameras_differently(rules, prefix):
    rclpy.init(args=['--ros-args', *rules])
    node = CaptureNode(lambda settings: StandInBackend(), parameter_overrides=[Parameter('autostart', value=False)])
    try:
        assert node.trigger_configure() == SUCCESS
        (sent,) = node._frames.to_send([camera('a', SECOND, np.eye(4), given=False)], SECOND)
        assert sent.child_frame_id == f'{prefix}a_optical_frame'
    finally:
        node.destroy_node()
        rclpy.shutdown()


def test_node_that_cannot_start_itself_ends(stage):
    one = stage(autostart=True, **{'qos_overrides./a/image.subscription.reliability': 'sometimes'})
    one.until(lambda: one.node.exit_code == 1)


def test_window_is_published_with_the_stamp_of_its_images(stage):
    one = active(stage())
    one.listen(HumanArray, '/chromm/humans')
    one.listen(CaptureStatus, '/chromm/status')
    stamp = one.node.get_clock().now().nanoseconds

    def send():
        nonlocal stamp
        stamp += SECOND // 20
        one.feed(stamp)

    one.until(lambda: one.heard['/chromm/status'] and one.heard['/chromm/humans'], send)
    humans, status = one.heard['/chromm/humans'][-1], one.heard['/chromm/status'][-1]
    stamps = {images.stamp for images in one.backend.sets}
    assert humans.header.stamp.sec * SECOND + humans.header.stamp.nanosec in stamps
    assert status.stages[:3] == ['synchronise', 'wait', 'images']
    assert status.stages[-1] == 'publish'


def test_expensive_outputs_are_built_only_for_subscribers(stage):
    one = active(stage())
    stamps = iter(range(SECOND, 10**12, SECOND // 20))
    built = []
    outputs = one.node._outputs
    build = outputs.build

    def recorded(*arguments):
        messages = build(*arguments)
        built.append({name for name, _ in messages.messages})
        return messages

    outputs.build = recorded
    one.until(lambda: built, lambda: one.feed(next(stamps)))
    assert built[-1] == {'humans', 'status'}
    one.listen(MarkerArray, '/chromm/markers')
    one.listen(PointCloud2, '/chromm/obstacles', qos_profile_sensor_data)
    one.listen(PointCloud2, '/chromm/scene')
    one.until(lambda: any('scene' in names for names in built), lambda: one.feed(next(stamps)))
    one.until(lambda: {'markers', 'obstacles'} <= built[-1], lambda: one.feed(next(stamps)))


def test_whoever_has_no_place_is_no_obstacle_and_no_detection(stage):
    one = active(stage())
    one.listen(PointCloud2, '/chromm/obstacles', qos_profile_sensor_data)
    one.listen(Detection3DArray, '/chromm/detections')
    one.listen(HumanArray, '/chromm/humans')

    def said(topic):
        return one.heard[topic] and one.heard[topic][-1]

    def feed():
        one.feed(one.node.get_clock().now().nanoseconds)  # the margin knows how old images are

    one.until(lambda: said('/chromm/obstacles') and said('/chromm/obstacles').width > 0, feed)
    one.until(lambda: said('/chromm/detections') and len(said('/chromm/detections').detections) > 0, feed)
    one.until(lambda: said('/chromm/humans'), feed)
    assert all(person.cylinder.placed for person in said('/chromm/humans').humans)
    assert one.node.set_parameters_atomically([Parameter('max_margin', value=0.0)]).successful
    one.until(lambda: said('/chromm/obstacles').width == 0, feed)
    one.until(lambda: len(said('/chromm/detections').detections) == 0, feed)
    one.until(lambda: not any(person.cylinder.placed for person in said('/chromm/humans').humans), feed)
    assert said('/chromm/humans').humans


def test_markers_of_people_who_left_are_deleted(stage):
    one = active(stage())
    one.listen(MarkerArray, '/chromm/markers')
    stamps = iter(range(SECOND, 10**12, SECOND // 20))
    one.until(lambda: one.heard['/chromm/markers'], lambda: one.feed(next(stamps)))
    one.backend.people = 1

    def deleted():
        markers = [marker for message in one.heard['/chromm/markers'] for marker in message.markers]
        return {marker.id for marker in markers if marker.action == Marker.DELETE}

    one.until(lambda: deleted() == {2}, lambda: one.feed(next(stamps)))


def test_blocking_policy_computes_every_set(stage):
    one = active(stage(queue_policy='block'))
    one.backend.seconds = 0.005
    for k in range(40):
        one.feed(SECOND + k * SECOND // 20)
    one.until(lambda: len(one.backend.sets) == 40)
    assert [images.stamp for images in one.backend.sets] == [SECOND + k * SECOND // 20 for k in range(40)]


def test_latest_policy_drops_and_counts_what_came_meanwhile(stage):
    one = active(stage())
    one.backend.seconds = 0.05
    for k in range(40):
        one.feed(SECOND + k * SECOND // 20)
    one.until(lambda: len(one.backend.sets) >= 1 and not one.node.pipeline.worker.idle.locked())
    one.until(lambda: one.backend.sets[-1].stamp == SECOND + 39 * SECOND // 20)
    counts = one.node.pipeline.drop_counts()
    assert counts['superseded_sets'] + len(one.backend.sets) == 40


def test_live_parameters_reach_the_capture(stage):
    one = active(stage())
    (result,) = one.node.set_parameters([Parameter('window_stride', value=3)])
    assert result.successful
    assert one.backend.sessions[-1].settings.window_stride == 3
    one.node.set_parameters([Parameter('sync_slop', value=0.1)])
    assert one.node.pipeline.synchronizer.buffer.limits.slop == SECOND // 10


def test_clock_that_jumps_back_begins_a_session(stage):
    one = active(stage())
    one.feed(SECOND)
    one.until(lambda: len(one.backend.sets) == 1)
    one.node.pipeline.time_went_back()
    one.feed(SECOND // 2)
    one.until(lambda: len(one.backend.sets) == 2)
    assert len(one.backend.sessions) == 2
    assert one.backend.sessions[-1].views_in_use == ('a', 'b')


@pytest.mark.slow
def test_a_thousand_activations_leave_nothing_behind(stage):
    one = stage()
    assert one.node.trigger_configure() == SUCCESS

    def cycles(count):
        for _ in range(count):
            assert one.node.trigger_activate() == SUCCESS
            assert one.node.trigger_deactivate() == SUCCESS
            one.backend.sessions.clear()

    cycles(100)
    gc.collect()
    threads, before = threading.active_count(), resident_mb()
    cycles(900)
    gc.collect()
    grown = resident_mb() - before
    assert threading.active_count() == threads
    assert grown < 30
    record('activations', f'no thread is left, memory grew by {max(grown, 0):.0f} MB from the 100th to the last')


@pytest.mark.slow
def test_thirty_minutes_of_images_need_no_more_memory_than_one(stage):
    """3 600 sets at 2 Hz of their own time, as fast as they go, with nobody left out."""
    one = active(stage(queue_policy='block'))
    raw = bytearray(raw_image(0))

    def minutes(first, last):
        for k in range(first * 120, last * 120):
            stamp = SECOND + k * SECOND // 2
            raw[4:12] = np.array([stamp // SECOND, stamp % SECOND], np.uint32).tobytes()
            for source in one.node.pipeline.images.values():
                source.signalMessage(bytes(raw))
            one.backend.sets.clear()
            one.executor.spin_once(timeout_sec=0)

    minutes(0, 3)
    gc.collect()
    before = resident_mb()
    minutes(3, 30)
    gc.collect()
    grown = resident_mb() - before
    assert grown < 30
    one.until(lambda: one.node.pipeline.last.window >= 30 * 120 - 2)
    assert len(one.node.pipeline.outbox) < 10
    record(
        'for_ever',
        f'memory grew by {max(grown, 0):.0f} MB from the 3rd minute on (stand-in network)',
    )


@pytest.mark.parametrize(
    'error', [EOFError('file ends'), TypeError('a\nb'), ZeroDivisionError(), KeyError('no such')]
)
def test_whatever_a_file_makes_a_library_raise_is_a_reason_in_one_line(stage, error):
    one = stage()

    def fails(settings):
        raise error

    one.node._make_backend = fails
    assert one.node.trigger_configure() == FAILURE
    assert one.node.health_log.fatal.startswith('cannot be configured: ')
    assert '\n' not in one.node.health_log.fatal
    assert type(error).__name__ in one.node.health_log.fatal or 'no such' in one.node.health_log.fatal


@pytest.mark.parametrize('latched', [True, False])
def test_calibrations_are_heard_whether_they_are_kept_for_late_subscribers_or_not(stage, latched):
    durability = DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE
    one = stage(diagnostics_period=0.1)
    peer = rclpy.create_node('driver')
    publisher = peer.create_publisher(CameraInfo, '/a/camera_info', QoSProfile(depth=1, durability=durability))
    info = CameraInfo(width=8, height=6, k=[7.0, 0.0, 4.0, 0.0, 7.0, 3.0, 0.0, 0.0, 1.0])
    publisher.publish(info)
    active(one)

    def heard():
        if not latched:
            publisher.publish(info)
        return one.node.pipeline.assembler._rectifiers['a'] is not None

    one.until(heard)
    peer.destroy_node()
