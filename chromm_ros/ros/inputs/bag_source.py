"""Image sets from a ROS 2 bag, made by the same buffer and decoder as live ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import tf2_ros
from rclpy.duration import Duration
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo
from tf2_msgs.msg import TFMessage

from chromm_ros.flow import ImageSet
from chromm_ros.intake.assembly import READERS, Assembler, CameraInput
from chromm_ros.intake.image_cdr import read_stamp
from chromm_ros.intake.rig_buffer import RigBuffer, SyncLimits
from chromm_ros.recording.bags import BagReader
from chromm_ros.ros.common.transforms import CameraFrames

IMAGE_TYPES = {'sensor_msgs/msg/Image': '', 'sensor_msgs/msg/CompressedImage': '/compressed'}
TF_TOPICS = ('/tf', '/tf_static')


@dataclass(frozen=True)
class BagSource:
    """Every image topic of a bag that ends in ``/image`` (or ``/image/compressed``) is a camera.

    Where a camera was recorded both raw and compressed, the raw images are used.
    """

    path: Path
    sync_slop: float = 0.02  # [s]
    camera_timeout: float = 1.0  # [s]
    world_frame: str = 'map'
    camera_frame_prefix: str = 'chromm/'
    use_extrinsics: bool = True
    """Use the poses of the cameras that TF gives."""
    rate: float | None = None
    """Image sets per second at most; None: all."""

    @property
    def views(self) -> tuple[str, ...]:
        return tuple(self._images)

    @property
    def count(self) -> int | None:
        """At most as many as the slowest camera has images."""
        counts = BagReader(self.path).counts()
        images = min((counts[topic] for topic, _ in self._images.values()), default=0)
        thinned = images if self.rate is None else int(np.ceil(BagReader(self.path).duration() * self.rate))
        return min(images, thinned)

    def __iter__(self) -> Iterator[ImageSet]:
        images = self._images
        if not images:
            raise ValueError(f'{self.path} holds no topic <camera>/image or <camera>/image/compressed')
        by_topic = {topic: camera for camera, (topic, _) in images.items()}
        infos = {f'/{camera}/camera_info': camera for camera in images}
        compressed = any(kind for _, kind in images.values())
        read = READERS['compressed' if compressed else 'raw']
        assembler = Assembler(dict.fromkeys(self.views, CameraInput(read)), self._pose_source())
        nanoseconds = round(1e9 * self.camera_timeout)
        limits = SyncLimits(round(1e9 * self.sync_slop), nanoseconds, nanoseconds, min_views=1, queue_size=100)
        buffer: RigBuffer[bytes] = RigBuffer(self.views, limits)
        step = 0 if self.rate is None else round(0.99e9 / self.rate)  # stamps of even cameras jitter
        last: int | None = None
        for message in BagReader(self.path).messages([*by_topic, *infos]):
            if message.topic in infos:
                assembler.calibrate(infos[message.topic], deserialize_message(message.data, CameraInfo))
                continue
            for matched in buffer.add(by_topic[message.topic], read_stamp(message.data), message.data):
                if last is not None and matched.stamp - last < step:
                    continue
                last = matched.stamp
                image_set = assembler.assemble(matched, min_views=1)
                if image_set is not None:
                    yield image_set

    @cached_property
    def _images(self) -> dict[str, tuple[str, str]]:
        """Camera -> topic and suffix, in the order of their names; all raw or all compressed."""
        found: dict[str, dict[str, str]] = {}
        for topic in BagReader(self.path).topics():
            suffix = IMAGE_TYPES.get(topic.type)
            if suffix is not None and topic.name.endswith(f'/image{suffix}'):
                found.setdefault(suffix, {})[topic.name.removesuffix(f'/image{suffix}').lstrip('/')] = topic.name
        suffix = '' if found.get('') else '/compressed'
        return {camera: (topic, suffix) for camera, topic in sorted(found.get(suffix, {}).items())}

    def _pose_source(self) -> CameraPoses:
        buffer = tf2_ros.Buffer(cache_time=Duration(seconds=1e6))
        if self.use_extrinsics:
            for message in BagReader(self.path).messages(TF_TOPICS):
                for transform in deserialize_message(message.data, TFMessage).transforms:
                    if f'/{self.camera_frame_prefix}' in f'/{transform.child_frame_id}':
                        continue  # what a capture, of any namespace, estimated is no knowledge
                    if message.topic == '/tf_static':
                        buffer.set_transform_static(transform, 'bag')
                    else:
                        buffer.set_transform(transform, 'bag')
        return CameraPoses(CameraFrames(buffer, self.world_frame, self.camera_frame_prefix))


@dataclass(frozen=True)
class CameraPoses:
    """Pose of a frame at a stamp, without waiting: a bag holds all there is."""

    frames: CameraFrames

    def __call__(self, frame: str, stamp: int) -> np.ndarray | None:
        return self.frames.world_from(frame, stamp, timeout=0.0)
