"""Messages become image sets: decoded, calibrated, placed; what cannot be used is left out and noted."""

import dataclasses
import threading

import numpy as np
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, Image

from chromm_ros.intake.assembly import Assembler, CameraInput
from chromm_ros.intake.image_cdr import read_image
from chromm_ros.intake.rig_buffer import MatchedSet

WIDTH, HEIGHT = 8, 6


def image(value=10, stamp=5, frame='left_frame', **changes):
    fields = {'height': HEIGHT, 'width': WIDTH, 'encoding': 'rgb8', 'step': 3 * WIDTH, **changes}
    message = Image(data=bytes([value]) * (HEIGHT * WIDTH * 3), **fields)
    message.header.stamp.nanosec, message.header.frame_id = stamp, frame
    return serialize_message(message)


def info(focal=7.0, width=WIDTH, height=HEIGHT):
    return CameraInfo(width=width, height=height, k=[focal, 0.0, 3.5, 0.0, focal, 2.5, 0.0, 0.0, 1.0])


def assembler(pose_of=lambda frame, stamp: None):
    return Assembler({'a': CameraInput(), 'b': CameraInput()}, pose_of)


def matched(**items):
    """A set at 9 ns whose images were dated 5, 6, ... ns."""
    return MatchedSet(9, items, {name: 5 + number for number, name in enumerate(items)})


def test_images_keep_their_own_dates_and_pixels():
    images = assembler().assemble(matched(a=image(10, 1), b=image(20, 1)), 1)
    assert images.stamp == 9
    assert [view.stamp for view in images.views.values()] == [5, 6]
    assert images.views['b'].pixels.shape == (HEIGHT, WIDTH, 3)
    assert (images.views['b'].pixels == 20).all()


def test_camera_is_placed_where_tf_has_its_frame_at_the_stamp():
    asked = []
    pose = np.eye(4)

    def pose_of(frame, stamp):
        asked.append((frame, stamp))
        return pose

    images = assembler(pose_of).assemble(matched(a=image(stamp=5)), 1)
    assert asked == [('left_frame', 5)]
    assert images.views['a'].world_from_camera is pose


def test_calibration_arrives_with_the_half_pixel():
    one = assembler()
    one.calibrate('a', info())
    images = one.assemble(matched(a=image(), b=image()), 1)
    np.testing.assert_allclose(images.views['a'].intrinsics, [[7, 0, 4], [0, 7, 3], [0, 0, 1]])
    assert images.views['b'].intrinsics is None


def test_impossible_calibration_leaves_the_camera_uncalibrated_and_says_why():
    one = assembler()
    one.calibrate('a', info())
    one.calibrate('a', info(float('nan')))
    assert one.assemble(matched(a=image()), 1).views['a'].intrinsics is None
    assert 'NaN' in one.findings('a')[0].text
    one.calibrate('a', info())
    assert one.assemble(matched(a=image()), 1).views['a'].intrinsics is not None
    assert not one.findings('a')


def test_images_that_arrive_rectified_are_described_by_the_projection():
    one = Assembler({'a': CameraInput(rectify=False)}, lambda frame, stamp: None)
    calibration = info()
    calibration.d = [-0.3, 0.1, 0.0, 0.0, 0.0]  # image_proc sends image_rect with the CameraInfo of the raw image
    calibration.p = [5.0, 0.0, 3.0, 0.0, 0.0, 5.0, 2.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    one.calibrate('a', calibration)
    view = one.assemble(matched(a=image(value=10)), 1).views['a']
    np.testing.assert_allclose(view.intrinsics, [[5, 0, 3.5], [0, 5, 2.5], [0, 0, 1]])
    assert (view.pixels == 10).all()  # not undistorted a second time: no black border


def test_calibration_of_another_shape_is_not_used():
    one = assembler()
    one.calibrate('a', info(width=8, height=8))
    assert one.assemble(matched(a=image()), 1).views['a'].intrinsics is None
    assert 'proportions' in one.findings('a')[0].text


def test_damaged_image_is_left_out_of_its_set():
    one = assembler()
    images = one.assemble(matched(a=image(step=1), b=image()), 1)
    assert list(images.views) == ['b']
    assert one.dropped == {'wrong_step': 1}
    assert one.notes['a'].failures == {'wrong_step': 1}


def test_set_with_too_few_good_images_is_dropped():
    one = assembler()
    assert one.assemble(matched(a=b'garbage', b=image()), 2) is None
    assert one.dropped == {'malformed': 1, 'too_few_views': 1}


def test_cameras_whose_images_fit_no_set_are_named_to_the_capture():
    one = matched(a=image(10, 1))
    images = assembler().assemble(dataclasses.replace(one, out_of_sync=frozenset({'b'})), 1)
    assert images.out_of_sync == {'b'}


def test_cameras_are_made_ready_side_by_side():
    together = threading.Barrier(3, timeout=10.0)

    def read(item):
        together.wait()
        return read_image(item)

    names = ('a', 'b', 'c')
    one = Assembler({name: CameraInput(read) for name in names}, lambda frame, stamp: None)
    images = one.assemble(matched(**{name: image(value) for value, name in enumerate(names)}), 3)
    assert [int(view.pixels[0, 0, 0]) for view in images.views.values()] == [0, 1, 2]  # in the order of the rig
    one.close()
