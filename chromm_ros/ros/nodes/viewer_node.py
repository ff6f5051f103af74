"""The viewer: a browser page on 127.0.0.1, fed by the topics of any capture, live or from a bag."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import zip_longest
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2

from chromm_ros.msg import CaptureStatus, HumanArray
from chromm_ros.ros.common.parameters import LoadsItsOwnDump, ParameterError, declare, updated
from chromm_ros.ros.common.settings import ViewerSettings
from chromm_ros.ros.common.spin import leave, run_node
from chromm_ros.ros.nodes.viewer_images import CameraImages
from chromm_ros.ros.nodes.viewer_reasons import CaptureWitness, awaited_of, notice_of
from chromm_ros.ros.outputs.messages import NANO
from chromm_ros.ros.outputs.reading import (
    cloud_of,
    duration_seconds,
    nanoseconds,
    person_views,
    pose_matrices,
    view_state,
)
from chromm_ros.viewing.page import Page
from chromm_ros.viewing.view import UNKNOWN, CameraView, WorldView

DEFAULT_FOV = 1.0
"""Vertical field of view [rad] that a camera without CameraInfo is drawn with."""

MAX_POINTS = 150_000

TELL = 0.5
"""Seconds between two looks at what is silent."""


class ViewerNode(LoadsItsOwnDump, Node):
    """Collects the newest of every topic and shows it on a :class:`Page`."""

    def __init__(self, **options: Any) -> None:
        super().__init__('viewer', **options)
        chosen = declare(self, ViewerSettings())
        self._settings = chosen
        self.add_on_set_parameters_callback(self._on_parameters)
        self._source = self.resolve_topic_name(chosen.source)
        self._witness = CaptureWitness(self._source)
        self._status: CaptureStatus | None = None
        self._humans: HumanArray | None = None
        self._cameras: dict[str, CameraImages] = {}
        self._topics: dict[str, str] = {}
        self.page = Page(chosen.host, chosen.port, settings={'capture': self._source})
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.create_subscription(HumanArray, f'{self._source}/humans', self._on_humans, 5)
        self.create_subscription(CaptureStatus, f'{self._source}/status', self._on_status, 5)
        self.create_subscription(PointCloud2, f'{self._source}/scene', self._guarded(self._on_scene), latched)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._witness.hear, 10)
        for name in chosen.cameras:
            self._watch(name, chosen)
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # the page speaks of silence when simulated time stands, too
        self.create_timer(1.0 / chosen.max_rate, self._guarded(self._draw), clock=steady)
        self.create_timer(TELL, self._guarded(self._tell), clock=steady)
        self.get_logger().info(f'page at http://{chosen.host}:{chosen.port}')

    def destroy_node(self) -> None:
        """Stop serving, too."""
        self.page.close()
        super().destroy_node()

    def _watch(self, name: str, chosen: ViewerSettings) -> None:
        compressed = chosen.image_transport == 'compressed'
        kind, suffix = (CompressedImage, '/compressed') if compressed else (Image, '')
        newest = QoSProfile(depth=1, reliability=qos_profile_sensor_data.reliability)
        images = self._cameras[name] = CameraImages(compressed, 0.9 / chosen.max_rate)
        topic = chosen.image_topic.format(camera=name) + suffix
        info_topic = chosen.camera_info_topic.format(camera=name)
        self._topics[name] = self.resolve_topic_name(topic)
        self.create_subscription(kind, topic, self._guarded(partial(self._on_image, images)), newest, raw=True)
        self.create_subscription(CameraInfo, info_topic, self._guarded(images.calibrate), newest)

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        try:
            updated(self._settings, parameters, running=True)
        except ParameterError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _on_humans(self, message: HumanArray) -> None:
        self._humans = message
        self.page.heard(duration_seconds(message.latency))
        for name, used in zip(message.views, message.views_used):
            if used and name in self._cameras:
                self._cameras[name].note_use(time.monotonic())

    def _on_status(self, message: CaptureStatus) -> None:
        self._status = message

    @staticmethod
    def _on_image(images: CameraImages, raw: bytes) -> None:
        images.take(raw, time.monotonic())

    def _on_scene(self, message: PointCloud2) -> None:
        self.page.show_scene(cloud_of(message, MAX_POINTS))

    def _draw(self) -> None:
        """Show the newest window once."""
        message, self._humans = self._humans, None
        if message is None:
            return
        status = self._status
        stages = {} if status is None else dict(zip(status.stages, status.stage_duration))
        people, cameras = person_views(message), self._camera_views(known=True)
        stamp, delay = nanoseconds(message.header.stamp), duration_seconds(message.latency)
        self.page.show(WorldView(stamp, message.window, delay, people, cameras, stages))

    def _tell(self) -> None:
        """Say how old what is shown is, and why."""
        now = time.monotonic()
        silence, late = self.page.arrivals.silence(now), self.page.arrivals.late(now)
        cameras = self._camera_views(known=not late)
        why = ''
        if silence is None or late:
            why = self._witness.why_nothing_comes(self.count_publishers(f'{self._source}/humans'))
        received = {name: images.received for name, images in self._cameras.items()}
        self.page.tell(
            notice_of(silence, late, why, cameras),
            awaited_of(self, self._source, self._topics, received) if silence is None else (),
            cameras if silence is None or late else None,
        )
        for name, images in self._cameras.items():
            if images.problem:
                self.get_logger().warning(f'{name}: {images.problem}', throttle_duration_sec=5.0)

    def _camera_views(self, known: bool) -> tuple[CameraView, ...]:
        """The cameras with the images of the newest window; while their state is not ``known``, with the newest."""
        status = self._status
        if status is None:
            return tuple(self._unknown_camera(name, None) for name in self._cameras)
        poses = pose_matrices(status.camera_pose)
        placed = [pose if np.isfinite(pose).all() else None for pose in poses]
        if not known:
            return tuple(self._unknown_camera(name, pose) for name, pose in zip(status.views, placed))
        notes = self._witness.camera_notes()
        stamp = nanoseconds(status.header.stamp)
        states = [view_state(state) for state in status.view_state]
        views = []
        for name, state, pose, rate, skew in zip_longest(status.views, states, placed, status.rate, status.skew):
            if name is None:  # of a publisher that is not ours: more entries than cameras
                break
            known_skew = skew is not None and np.isfinite(skew)
            view = self._camera_view(name, state or UNKNOWN, pose, stamp + round(skew * NANO) if known_skew else None)
            views.append(replace(view, rate=rate or 0.0, note=notes.get(name, view.note)))
        return tuple(views)

    def _unknown_camera(self, name: str, pose: np.ndarray | None) -> CameraView:
        return self._camera_view(name, UNKNOWN, pose, None)

    def _camera_view(self, name: str, state: str, pose: np.ndarray | None, stamp: int | None) -> CameraView:
        """A camera with its image of the time ``stamp`` [ns], or the newest one."""
        images = self._cameras.get(name)
        if images is None:  # of the capture, but not among the viewer's
            return CameraView(name, state, pose, DEFAULT_FOV, None, 0.0, note='not among the cameras of the viewer')
        now = time.monotonic()
        image = images.near(stamp)
        return CameraView(
            name,
            state,
            pose,
            images.fov or DEFAULT_FOV,
            None if image is None else image.jpeg,
            images.rate(now),
            used=images.used(now),
            size=images.size,
            intrinsics=images.intrinsics,
            lag=0.0 if image is None or stamp is None else (image.stamp - stamp) / NANO,
            note=images.problem,
        )

    def _guarded(self, callback: Callable[..., None]) -> Callable[..., None]:
        """A callback whose failure is reported and does not end the viewer."""

        def call(*arguments: Any) -> None:
            try:
                callback(*arguments)
            except Exception as error:
                self.get_logger().error(f'{type(error).__name__}: {error}', throttle_duration_sec=5.0)

        return call


def main(arguments: list[str] | None = None) -> int:
    """Serve until Ctrl-C."""
    return run_node(ViewerNode, arguments, 'viewer')


if __name__ == '__main__':
    leave(main())
