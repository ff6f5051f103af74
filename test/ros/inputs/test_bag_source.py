import numpy as np
import pytest
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage

from chromm_ros.apps.reconstruct import Options, reconstruct_files
from chromm_ros.apps.record import bag_qos, known_types
from chromm_ros.recording.bags import BagWriter, Topic
from chromm_ros.recording.calibration import CameraFile, write_cameras
from chromm_ros.ros.inputs.bag_source import BagSource

SETS = 20
START = 100_000_000_000
STEP = 100_000_000
"""Ten image sets per second [ns]."""


def stamped(message, stamp, frame):
    message.header.stamp = Time(sec=stamp // 10**9, nanosec=stamp % 10**9)
    message.header.frame_id = frame
    return message


def transform(child, x):
    made = stamped(TransformStamped(child_frame_id=child), START, 'map')
    made.transform.translation.x = x
    return made


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    """Two cameras; the stamps of the second jitter, its calibration is known, and so are the poses of both."""
    path = tmp_path_factory.mktemp('source') / 'bag'
    kinds = {'/tf_static': 'tf2_msgs/msg/TFMessage', '/right/camera_info': 'sensor_msgs/msg/CameraInfo'}
    kinds |= {f'/{camera}/image': 'sensor_msgs/msg/Image' for camera in ('left', 'right')}
    info = CameraInfo(
        width=32, height=24, k=[20.0, 0, 16, 0, 20, 12, 0, 0, 1], distortion_model='plumb_bob', d=[0.0] * 5
    )
    with BagWriter(path, known_types()) as writer:
        for name, kind in kinds.items():
            writer.add_topic(Topic(name, kind, (bag_qos(reliable=True, latched=name == '/tf_static'),)))
        frames = TFMessage(transforms=[transform('left', 1.0), transform('right', 2.0)])
        writer.write('/tf_static', START, serialize_message(frames))
        writer.write('/right/camera_info', START, serialize_message(stamped(info, START, 'right')))
        for index in range(SETS):
            for camera, jitter in (('left', 0), ('right', 3_000_000 * (-1) ** index)):
                stamp = START + index * STEP + jitter
                image = Image(width=32, height=24, step=96, encoding='rgb8', data=bytes(32 * 24 * 3))
                writer.write(f'/{camera}/image', stamp, serialize_message(stamped(image, stamp, camera)))
    return path


def test_every_image_set_comes_out_with_what_the_bag_knows(bag):
    source = BagSource(bag)
    sets = list(source)
    assert source.views == ('left', 'right')
    assert len(sets) == source.count == SETS
    assert sets[0].views['left'].intrinsics is None
    assert sets[0].views['right'].intrinsics[0, 0] == 20.0
    np.testing.assert_allclose([sets[5].views[name].world_from_camera[0, 3] for name in source.views], [1.0, 2.0])


@pytest.mark.parametrize(('rate', 'count'), [(5.0, 10), (2.0, 4), (50.0, SETS)])
def test_a_rate_thins_the_sets_evenly(bag, rate, count):
    source = BagSource(bag, rate=rate)
    stamps = np.array([image_set.stamp for image_set in source])
    assert len(stamps) == source.count == count
    assert np.ptp(np.diff(stamps)) < 0.2 * STEP


def test_poses_are_ignored_on_demand(bag):
    image_set = next(iter(BagSource(bag, use_extrinsics=False)))
    assert all(view.world_from_camera is None for view in image_set.views.values())


def test_a_calibration_goes_before_that_of_the_bag(bag):
    known = CameraFile(np.array([[30.0, 0, 16], [0, 30, 12], [0, 0, 1]]), None, 32, 24)
    sets = list(BagSource(bag, calibration={'right': known}))
    assert {one.views['right'].intrinsics[0, 0] for one in sets} == {30.0}
    assert sets[0].views['right'].world_from_camera[0, 3] == 2.0


@pytest.mark.parametrize('option', [{'offset': ('middle=1',)}, {'calibration': 'cameras.json'}])
def test_names_that_the_bag_does_not_have_are_refused(bag, tmp_path, option):
    if 'calibration' in option:
        write_cameras(tmp_path / 'cameras.json', {'middle': CameraFile(None, None)})
        option = {'calibration': tmp_path / 'cameras.json'}
    with pytest.raises(ValueError, match='middle'):
        reconstruct_files((bag,), Options(out=tmp_path / 'out', **option))
