"""The viewer: a browser page on 127.0.0.1, fed by the topics of any capture, live or from a bag."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2

from chromm_ros.intake.decoding import decode
from chromm_ros.intake.image_cdr import read_compressed, read_image
from chromm_ros.msg import CaptureStatus, HumanArray
from chromm_ros.ros.common.parameters import LoadsItsOwnDump, ParameterError, declare, updated
from chromm_ros.ros.common.settings import ViewerSettings
from chromm_ros.ros.common.spin import leave, run_node
from chromm_ros.ros.outputs.reading import cloud_of, field_of_view, person_views, pose_matrices, view_state
from chromm_ros.viewing.page import Page
from chromm_ros.viewing.thumbnails import thumbnail
from chromm_ros.viewing.view import CameraView, WorldView

THUMBNAIL = 192
"""Width of the images on the page [px]."""

DEFAULT_FOV = 1.0
"""Vertical field of view [rad] that a camera without CameraInfo is drawn with."""

MAX_POINTS = 150_000


class ViewerNode(LoadsItsOwnDump, Node):
    """Collects the newest of every topic and shows it on a :class:`Page`."""

    def __init__(self, **options: Any) -> None:
        super().__init__('viewer', **options)
        chosen = declare(self, ViewerSettings())
        self._settings = chosen
        self.add_on_set_parameters_callback(self._on_parameters)
        self._status: CaptureStatus | None = None
        self._humans: HumanArray | None = None
        self._images: dict[str, bytes] = {}
        self._thumbnails: dict[str, bytes] = {}
        self._fov: dict[str, float] = {}
        self._compressed = chosen.image_transport == 'compressed'
        self.page = Page(chosen.host, chosen.port)
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.create_subscription(HumanArray, f'{chosen.source}/humans', self._on_humans, 5)
        self.create_subscription(CaptureStatus, f'{chosen.source}/status', self._on_status, 5)
        self.create_subscription(PointCloud2, f'{chosen.source}/scene', self._guarded(self._on_scene), latched)
        for name in chosen.cameras:
            self._watch(name, chosen.image_topic, chosen.camera_info_topic)
        self.create_timer(1.0 / chosen.max_rate, self._guarded(self._draw))
        self.get_logger().info(f'page at http://{chosen.host}:{chosen.port}')

    def destroy_node(self) -> None:
        """Stop serving, too."""
        self.page.close()
        super().destroy_node()

    def _watch(self, name: str, image_topic: str, info_topic: str) -> None:
        kind, suffix = (CompressedImage, '/compressed') if self._compressed else (Image, '')
        newest = QoSProfile(depth=1, reliability=qos_profile_sensor_data.reliability)
        self.create_subscription(
            kind,
            image_topic.format(camera=name) + suffix,
            partial(self._images.__setitem__, name),
            newest,
            raw=True,
        )
        self.create_subscription(CameraInfo, info_topic.format(camera=name), partial(self._on_info, name), newest)

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        try:
            updated(self._settings, parameters, running=True)
        except ParameterError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _on_humans(self, message: HumanArray) -> None:
        self._humans = message

    def _on_status(self, message: CaptureStatus) -> None:
        self._status = message

    def _on_info(self, name: str, info: CameraInfo) -> None:
        fov = field_of_view(info)
        if fov is not None:
            self._fov[name] = fov

    def _on_scene(self, message: PointCloud2) -> None:
        self.page.show_scene(cloud_of(message, MAX_POINTS))

    def _draw(self) -> None:
        """Show the newest window once; nothing is drawn while none comes."""
        message, self._humans = self._humans, None
        if message is None:
            return
        stamp = message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
        delay = message.latency.sec + 1e-9 * message.latency.nanosec
        self.page.show(WorldView(stamp, message.window, delay, person_views(message), self._camera_views()))

    def _camera_views(self) -> tuple[CameraView, ...]:
        status = self._status
        if status is None:
            return ()
        poses = pose_matrices(status.camera_pose)
        return tuple(
            CameraView(
                name,
                view_state(state),
                pose if np.isfinite(pose).all() else None,
                self._fov.get(name, DEFAULT_FOV),
                self._thumbnail(name),
                rate,
            )
            for name, state, pose, rate in zip(status.views, status.view_state, poses, status.rate)
        )

    def _thumbnail(self, name: str) -> bytes | None:
        """The newest image, small; None while none came."""
        raw = self._images.pop(name, None)
        if raw is not None:
            try:
                pixels = decode(read_compressed(raw) if self._compressed else read_image(raw))
                self._thumbnails[name] = thumbnail(pixels, THUMBNAIL)
            except ValueError as error:
                self.get_logger().warning(f'{name}: {error}', throttle_duration_sec=5.0)
        return self._thumbnails.get(name)

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
