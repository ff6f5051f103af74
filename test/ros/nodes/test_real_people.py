"""The node as it is by default on images of real cameras: people in full, and obstacles around them."""

import numpy as np
import pytest
import rclpy
from peer import Peer
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from real_frames import real_sets
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from tf2_msgs.msg import TFMessage

from chromm_ros.msg import Human, HumanArray
from chromm_ros.ros.common.transforms import transform_messages
from chromm_ros.ros.nodes.cameras_node import camera_info, image_message
from chromm_ros.ros.nodes.capture_node import CaptureNode
from chromm_ros.ros.outputs import cdr
from chromm_ros.ros.outputs.messages import header

PERIOD = 0.5
"""Between two image sets [s]; there are three, shown to and fro."""


@pytest.fixture(scope='module')
def heard():
    """The newest message with three people on each topic, from a node of which only the cameras are named."""
    rclpy.init(args=[])
    sets = real_sets()
    node = CaptureNode(parameter_overrides=[Parameter('cameras', value=list(sets[0].views))])
    peer = Peer(node, keep=3)
    peer.listen(HumanArray, '/chromm/humans')
    peer.listen(PointCloud2, '/chromm/obstacles', qos_profile_sensor_data)
    images = {name: peer.peer.create_publisher(Image, f'{name}/image', 10) for name in sets[0].views}
    infos = {name: peer.peer.create_publisher(CameraInfo, f'{name}/camera_info', 10) for name in sets[0].views}
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    poses = {f'{name}_frame': view.world_from_camera for name, view in sets[0].views.items()}
    peer.peer.create_publisher(TFMessage, '/tf_static', latched).publish(
        TFMessage(transforms=transform_messages('map', poses, 0))
    )
    shown = 0

    def show():
        nonlocal shown
        stamp = peer.peer.get_clock().now().nanoseconds
        for name, view in sets[(0, 1, 2, 1)[shown % 4]].views.items():
            head = header(stamp, f'{name}_frame')
            height, width = view.pixels.shape[:2]
            infos[name].publish(cdr.encode(CameraInfo, camera_info(view.intrinsics, width, height, head)))
            images[name].publish(cdr.encode(Image, image_message(view.pixels, head)))
        shown += 1

    def everybody():
        people, cloud = (peer.heard[f'/chromm/{topic}'] for topic in ('humans', 'obstacles'))
        tracked = bool(people) and [human.state for human in people[-1].humans] == 3 * [Human.TRACKED]
        same = tracked and [one for one in cloud if one.header.stamp == people[-1].header.stamp and one.width]
        return same and (people[-1], same[-1])

    try:
        yield peer.until(everybody, show, PERIOD)
    finally:
        peer.close()
        rclpy.shutdown()


@pytest.mark.slow
def test_people_come_with_pose_joints_and_capsules(heard):
    people, cloud = heard
    assert people.header.frame_id == cloud.header.frame_id == 'map'
    assert len({human.id for human in people.humans}) == 3
    for human in people.humans:
        assert 1.2 < human.height < 2.0
        assert len(human.joints) == len(human.joint_confidence) == 55
        numbers = np.concatenate(
            [human.smplx.global_orient, human.smplx.transl, human.smplx.body_pose, human.smplx.betas]
        )
        assert np.isfinite(numbers).all()
        assert np.abs(human.smplx.body_pose).max() > 0.1, 'nobody stands as in the T-pose'
        assert len(human.capsules) > 10
        assert len(human.observations) >= 2


@pytest.mark.slow
def test_obstacles_are_around_everybody(heard):
    people, cloud = heard
    points = np.frombuffer(bytes(cloud.data), np.float32).reshape(cloud.width, -1)[:, :3].astype(float)
    for human in people.humans:
        for capsule in human.capsules:
            ends = np.array([[p.x, p.y, p.z] for p in (capsule.a, capsule.b)])
            distance = from_segment(points, *ends)
            around = points[distance < capsule.radius + human.cylinder.margin + 0.05]
            middle = ends.mean(0)
            assert (around.min(0) < middle - 0.5 * capsule.radius).all()
            assert (around.max(0) > middle + 0.5 * capsule.radius).all()


def from_segment(points, start, end):
    """(N,) distances of points (N, 3) from a segment."""
    along = end - start
    part = np.clip((points - start) @ along / max(along @ along, 1e-12), 0, 1)
    return np.linalg.norm(points - start - part[:, None] * along, axis=-1)
