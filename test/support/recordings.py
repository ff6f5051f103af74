"""Small recordings whose images say when they were taken: bags, videos with any time stamps, folders."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from rclpy.serialization import serialize_message
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage

from chromm_ros.apps.record import bag_qos, known_types
from chromm_ros.recording.bags import BagWriter, Topic

START = 1_700_000_000_000_000_000
PERIOD = 10**9 // 15
WIDTH, HEIGHT = 64, 48
TYPES = {
    Image: 'sensor_msgs/msg/Image',
    CompressedImage: 'sensor_msgs/msg/CompressedImage',
    CameraInfo: 'sensor_msgs/msg/CameraInfo',
    TFMessage: 'tf2_msgs/msg/TFMessage',
    Clock: 'rosgraph_msgs/msg/Clock',
    String: 'std_msgs/msg/String',
}


def stamped(message, stamp, frame):
    message.header.stamp = Time(sec=stamp // 10**9, nanosec=stamp % 10**9)
    message.header.frame_id = frame
    return message


def image(stamp, frame='cam', level=100, encoding='rgb8', channels=3):
    row = WIDTH * channels
    data = np.full(HEIGHT * row, level % 256, np.uint8).tobytes()
    return stamped(Image(height=HEIGHT, width=WIDTH, encoding=encoding, step=row, data=data), stamp, frame)


def compressed(stamp, frame='cam', level=100):
    picture = np.full((HEIGHT, WIDTH, 3), level % 256, np.uint8)
    message = CompressedImage(format='jpeg', data=cv2.imencode('.jpg', picture)[1].tobytes())
    return stamped(message, stamp, frame)


def info(stamp, frame='cam', focal=50.0):
    message = CameraInfo(height=HEIGHT, width=WIDTH, distortion_model='plumb_bob', d=[0.0] * 5)
    message.k = [focal, 0.0, 32.0, 0.0, focal, 24.0, 0.0, 0.0, 1.0]
    return stamped(message, stamp, frame)


def transform(stamp, parent, child, x=1.0):
    message = stamped(TransformStamped(child_frame_id=child), stamp, parent)
    message.transform.translation.x = x
    return TFMessage(transforms=[message])


def cameras(
    pattern, names=('front', 'left'), count=20, make=image, info_pattern='/{}/camera_info', frame='{}_optical'
):
    """(topic, time of recording, message) of cameras whose images lie on topics of a pattern."""
    events = []
    for name in names:
        for k in range(count):
            stamp = START + k * PERIOD
            events.append((pattern.format(name), stamp + 10**6, make(stamp, frame.format(name), k)))
            if info_pattern:
                events.append((info_pattern.format(name), stamp + 10**6, info(stamp, frame.format(name))))
    return events


def write_bag(path, events):
    """A bag of (topic, time of recording, message), in the order of time."""
    path = Path(path)
    shutil.rmtree(path, ignore_errors=True)
    with BagWriter(path, known_types()) as writer:
        seen = set()
        for topic, at, message in sorted(events, key=lambda event: event[1]):
            if topic not in seen:
                seen.add(topic)
                latched = topic.endswith('tf_static')
                writer.add_topic(Topic(topic, TYPES[type(message)], (bag_qos(True, latched),)))
            writer.write(topic, at, serialize_message(message))
    return path


def write_video(path, times, level=lambda time: round(100 * time) % 256):
    """A video whose frames have these time stamps [s] and say them as their gray level."""
    picture_format = {'.mp4': 'mpeg4', '.avi': 'mjpeg'}.get(path.suffix, 'mpeg4')
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(picture_format, rate=30)
        stream.width, stream.height = WIDTH, HEIGHT
        stream.pix_fmt = 'yuvj420p' if picture_format == 'mjpeg' else 'yuv420p'
        stream.bit_rate = 4_000_000
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        for time in times:
            pixels = np.full((HEIGHT, WIDTH, 3), level(time), np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format='rgb24')
            frame.pts, frame.time_base = round(1000 * time), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_picture(path, level):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((HEIGHT, WIDTH, 3), level, np.uint8))
    return path


def shown(image_set, camera):
    """What the image of a camera says."""
    return float(image_set.views[camera].pixels.mean())
