"""The header of a received image is read from its bytes, whatever the bytes are."""

import contextlib
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage, Image

from chromm_ros.intake.image_cdr import read_compressed, read_image, read_stamp


def image(frame='camera', encoding='rgb8'):
    message = Image(height=2, width=3, encoding=encoding, is_bigendian=1, step=9, data=bytes(range(18)))
    message.header.stamp.sec, message.header.stamp.nanosec = 12, 345
    message.header.frame_id = frame
    return message


@pytest.mark.parametrize('frame', ['', 'c', 'ca', 'cam', 'camera_0_optical_frame'])
@pytest.mark.parametrize('encoding', ['rgb8', 'bayer_rggb8', '8UC1'])
def test_image_is_read_with_any_lengths_of_its_strings(frame, encoding):
    read = read_image(serialize_message(image(frame, encoding)))
    assert (read.stamp, read.frame_id, read.encoding) == (12_000_000_345, frame, encoding)
    assert (read.height, read.width, read.is_bigendian, read.step) == (2, 3, 1, 9)
    assert bytes(read.data) == bytes(range(18))


def test_compressed_image_is_read():
    message = CompressedImage(format='jpeg', data=b'abc')
    message.header.frame_id = 'left'
    read = read_compressed(serialize_message(message))
    assert (read.frame_id, read.format, bytes(read.data)) == ('left', 'jpeg', b'abc')


def test_pixels_are_a_view_of_the_message():
    raw = serialize_message(image())
    assert read_image(raw).data.obj is raw


def test_big_endian_senders_are_understood():
    raw = b'\0\0\0\0' + struct.pack('>iI', 7, 9) + struct.pack('>I', 1) + b'\0'
    assert read_stamp(raw) == 7_000_000_009


@settings(deadline=None)
@given(st.integers(0, 80))
def test_a_message_cut_anywhere_is_refused(length):
    raw = serialize_message(image())
    if length < len(raw) - 3:  # the last bytes may be padding
        with pytest.raises(ValueError, match=r'expected|plain CDR'):
            read_image(raw[:length])


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_garbage_is_refused_or_read_but_never_breaks(raw):
    for read in (read_image, read_compressed, read_stamp):
        with contextlib.suppress(ValueError):
            read(raw)
