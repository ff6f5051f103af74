"""Image sets from bags, made by the same intake as live ones."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tf2_ros
from rclpy.duration import Duration
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo
from tf2_msgs.msg import TFMessage

from chromm_ros.flow import ImageSet
from chromm_ros.intake.assembly import READERS, CameraInput, PoseSource
from chromm_ros.intake.depth import APART, DepthImages
from chromm_ros.intake.image_cdr import read_image, read_stamp
from chromm_ros.intake.recorded import RecordedIntake, StampedImage
from chromm_ros.intake.settings import IntakeSettings
from chromm_ros.recording.bag_files import DamagedBag
from chromm_ros.recording.bag_topics import BagCamera, find_cameras, other_pictures, tf_topics
from chromm_ros.recording.bags import BagMessage, BagReader
from chromm_ros.recording.calibration import CameraFile
from chromm_ros.recording.notes import notes_of
from chromm_ros.ros.common.transforms import CameraFrames, frame_parents
from chromm_ros.ros.inputs.earlier_capture import EarlierCapture

MALFORMED = 'malformed'
WAITING = 1000
"""Images that wait per camera; a recording has no more of them than fit into ``camera_timeout``."""
DEPTH = ('16UC1', '32FC1')
"""Encodings of depth; 16UC1 may be a gray camera of 16 bits, which is believed where the user names the topics."""


@dataclass
class BagSource:
    """A bag (see :class:`~chromm_ros.recording.bags.BagReader`) as a source of image sets.

    Cameras are the topics that the settings name; without names every colour image topic is one. Where a camera was
    recorded both raw and compressed, the raw images are used.
    """

    path: Path
    settings: IntakeSettings = field(default_factory=IntakeSettings)
    given: Collection[str] = ()
    """Names of the settings that the user gave; the others may be found from what the bag holds."""
    namespace: str = ''
    """Relative topics are taken in it."""
    tf: Collection[str] = ()
    """Topics with transforms; empty: those in the namespaces of the cameras."""
    camera_timeout: float = 1.0  # [s]
    max_out_of_order: float = 0.5  # [s]
    use_extrinsics: bool = True
    """Use the poses of the cameras that TF gives."""
    rate: float | None = None
    """Image sets per second at most; None: all."""
    offsets: Mapping[str, float] = field(default_factory=dict)
    """Seconds to add to the stamps of a camera."""
    calibration: Mapping[str, CameraFile] = field(default_factory=dict)
    """Known cameras, which go before what the bag says of them."""
    remarks: Sequence[str] = ()
    """What is known beforehand and belongs to the notes."""
    _intake: RecordedIntake | None = None
    _said: list[str] = field(default_factory=list)

    @property
    def views(self) -> tuple[str, ...]:
        return tuple(camera.name for camera in self.cameras)

    @property
    def count(self) -> int | None:
        """At most as many as the slowest camera has images."""
        reader = BagReader(self.path)
        counts = reader.counts()
        images = min((counts[camera.topic] for camera in self.cameras if counts[camera.topic]), default=0)
        return images if self.rate is None else min(images, int(reader.duration() * self.rate) + 1)

    @property
    def dropped(self) -> Counter[str]:
        """What was left out so far, by reason."""
        return Counter() if self._intake is None else self._intake.dropped

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the recording; complete after it was read."""
        return (*self.remarks, *self._said, *(() if self._intake is None else notes_of(self._intake)))

    @property
    def frames(self) -> dict[str, str]:
        """TF frame of each camera, as its images name it; complete after the bag was read."""
        notes = {} if self._intake is None else self._intake.assembler.notes
        return {name: noted.frame.lstrip('/') for name, noted in notes.items() if noted.frame}

    @cached_property
    def cameras(self) -> tuple[BagCamera, ...]:
        """The cameras and their topics."""
        topics = BagReader(self.path).topics()
        found = find_cameras(topics, self.settings, self.given, self.namespace)
        if 'cameras' in self.given or 'image_topic' in self.given:
            return found
        colour = tuple(camera for camera in found if not self._is_depth(camera))
        if not colour:
            raise ValueError(
                f'{self.path}: the image topics {[camera.topic for camera in found]} are depth, not colour'
            )
        return colour

    def __iter__(self) -> Iterator[ImageSet]:
        cameras = self.cameras
        self._said = [f'camera {camera.name} is {camera.topic}' for camera in cameras if not self._expected(camera)]
        if 'cameras' not in self.given and (others := other_pictures(BagReader(self.path).topics(), cameras)):
            self._said.append(f'not taken for cameras: {", ".join(others)} (choose with --cameras, --image-topic)')
        inputs = {
            camera.name: CameraInput(
                READERS[camera.transport],
                self.settings.rectify and not camera.rectified,
                camera.info_topic or 'its camera_info topic',
                self._known_pose(camera),
            )
            for camera in cameras
        }
        limits = self.settings.limits(self.camera_timeout, self.max_out_of_order)
        limits = dataclasses.replace(limits, queue_size=WAITING)
        self._intake = RecordedIntake(
            inputs, limits, self._pose_source(), self.settings.stamps, self.offsets, self.rate
        )
        for name, known in self.calibration.items():
            self._intake.assembler.use_lens(name, known.lens())
        return self._intake.sets(self._images(self._intake))

    def _messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """Those up to where the bag is damaged, which is noted."""
        try:
            yield from BagReader(self.path).messages(topics)
        except DamagedBag as error:
            self._said += [str(error)] if str(error) not in self._said else []

    def _readable(self, message: BagMessage, kind: type[Any]) -> Any:
        """The message as an object; None, and a remark, where its bytes are something else."""
        try:
            return deserialize_message(message.data, kind)
        except Exception as error:  # RMWError, of a module of the middleware's implementation
            remark = f'{message.topic}: messages that are no {kind.__name__} are left out ({error})'
            self._said += [remark] if remark not in self._said else []
            return None

    def _images(self, intake: RecordedIntake) -> Iterator[StampedImage]:
        by_topic = {camera.topic: camera.name for camera in self.cameras}
        informed = [camera for camera in self.cameras if camera.info_topic and not self._has_lens(camera)]
        infos = {camera.info_topic or '': camera.name for camera in informed}
        depths = self._depth_topics()
        waiting: deque[StampedImage] = deque()  # for their depth, which mostly comes after them
        for topic, name in depths.items():
            intake.assembler.depths[name] = DepthImages(read_image, topic)
        for message in self._messages([*by_topic, *infos, *depths]):
            if message.topic in depths:
                with contextlib.suppress(ValueError):  # no stamp: decoding it would say more
                    intake.assembler.depths[depths[message.topic]].add(read_stamp(message.data), message.data)
                continue
            if message.topic in infos:
                info = self._readable(message, CameraInfo)
                if info is not None:
                    intake.assembler.calibrate(infos[message.topic], info)
                continue
            try:
                stamp = read_stamp(message.data)
            except ValueError:
                intake.lost[MALFORMED] += 1
                continue
            waiting.append(StampedImage(by_topic[message.topic], stamp, message.data, message.stamp))
            while waiting and (not depths or message.stamp - waiting[0].arrival > APART):
                yield waiting.popleft()
        yield from waiting

    def _depth_topics(self) -> dict[str, str]:
        """Topic of the depth of each camera that the bag has one of."""
        if not self.settings.depth_topic:
            return {}
        known = {topic.name for topic in BagReader(self.path).topics()}
        prefix = '/' + self.namespace.strip('/') + '/' if self.namespace.strip('/') else '/'
        wanted = {camera.name: self.settings.depth_topic_of(camera.name) for camera in self.cameras}
        placed = {topic if topic.startswith('/') else prefix + topic: name for name, topic in wanted.items()}
        missing = [topic for topic in placed if topic not in known]
        if missing:
            self._said.append(f'the bag has no depth on {", ".join(missing)}; these cameras go on without')
        return {topic: name for topic, name in placed.items() if topic in known}

    def _known_pose(self, camera: BagCamera) -> np.ndarray | None:
        known = self.calibration.get(camera.name)
        return known.world_from_camera if known is not None and self.use_extrinsics else None

    def _has_lens(self, camera: BagCamera) -> bool:
        return camera.name in self.calibration and self.calibration[camera.name].intrinsics is not None

    def _expected(self, camera: BagCamera) -> bool:
        """Whether the camera is where the settings say, so that nothing has to be said about it."""
        plain = camera.topic.removesuffix('/compressed').strip('/')
        return plain == self.settings.image_topic.format(camera=camera.name).strip('/')

    def _is_depth(self, camera: BagCamera) -> bool:
        for message in self._messages([camera.topic]):
            try:
                image = READERS[camera.transport](message.data)
            except ValueError:
                return False
            kind = getattr(image, 'encoding', '') or getattr(image, 'format', '')
            return kind in DEPTH or 'compressedDepth' in kind
        return False

    def _pose_source(self) -> PoseSource:
        if not self.use_extrinsics:
            return lambda frame, stamp: None
        buffer = tf2_ros.Buffer(cache_time=Duration(seconds=1e9))
        known = BagReader(self.path).topics()
        earlier = EarlierCapture.of(known)
        topics = tf_topics(known, self.cameras, self.tf)
        for message in self._messages(topics):
            sent = self._readable(message, TFMessage)
            for transform in [] if sent is None else sent.transforms:
                parent, child = (name.lstrip('/') for name in (transform.header.frame_id, transform.child_frame_id))
                transform.header.frame_id, transform.child_frame_id = parent, child
                if earlier.estimated(child):
                    continue
                if topics[message.topic]:
                    buffer.set_transform_static(transform, 'bag')
                else:
                    buffer.set_transform(transform, 'bag')
        frames = CameraFrames(buffer, self._world(buffer), self.settings.camera_frame_prefix)
        return lambda frame, stamp: frames.world_from(frame, stamp, timeout=0.0)  # a bag holds all there is

    def _world(self, buffer: tf2_ros.Buffer) -> str:
        """The world frame: as set, or the one root of the tree where the bag does not know the default."""
        wanted = self.settings.world_frame
        parents = frame_parents(buffer)
        if not parents or wanted in {*parents, *parents.values()}:
            return wanted
        roots = sorted(set(parents.values()) - set(parents))
        if 'world_frame' in self.given or len(roots) != 1:
            self._said.append(
                f'TF in the bag does not know the world frame {wanted!r}, so no camera is placed by it; its '
                f'roots are {", ".join(roots)} (choose with --world-frame)'
            )
            return wanted
        self._said.append(f'cameras are placed in {roots[0]!r}: TF in the bag does not know {wanted!r}')
        return roots[0]
