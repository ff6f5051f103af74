"""Subscriptions to the images and calibrations of a rig."""

from __future__ import annotations

import functools

import message_filters
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from chromm_ros.intake.assembly import READERS, Assembler, CameraInput
from chromm_ros.intake.depth import DepthImages
from chromm_ros.intake.image_cdr import read_image, read_stamp
from chromm_ros.ros.common import qos
from chromm_ros.ros.common.qos_mismatch import NO_SUBSCRIPTION_EVENTS
from chromm_ros.ros.common.settings import NodeSettings

PATIENCE = 0.05
"""Seconds that a set waits for the depth of an image."""

IMAGE_TYPES = {'raw': Image, 'compressed': CompressedImage}
"""By transport."""


class CameraTopics:
    """The subscriptions of a node to the topics of its cameras."""

    def __init__(self, node: Node, settings: NodeSettings, assembler: Assembler) -> None:
        """
        Args:
            node: who subscribes.
            settings: names, topics, transports and reliability.
            assembler: takes calibrations and depth; the images come out of :attr:`images`.
        """
        self._node = node
        self.images: dict[str, message_filters.Subscriber] = {}
        self._infos: dict[str, Subscription] = {}
        self._depths: list[Subscription] = []
        self._assembler = assembler
        self._informed: set[str] = set()
        try:
            for camera in settings.cameras:
                self._subscribe(camera, settings)
                if settings.depth_topic:
                    self._subscribe_depth(camera, settings)
        except Exception:
            self.destroy()
            raise

    @property
    def subscriptions(self) -> list[Subscription]:
        """To images, calibrations and depth."""
        return [*(image.sub for image in self.images.values()), *self._infos.values(), *self._depths]

    def destroy(self) -> None:
        """End all subscriptions."""
        for subscription in self.subscriptions:
            self._node.destroy_subscription(subscription)

    def hear_latched_infos(self) -> None:
        """Subscribe anew to calibrations that are sent once and kept for late subscribers: only a subscription that
        asks for it gets those, and it would not hear the usual ones."""
        for camera, subscription in self._infos.items():
            if camera in self._informed:
                continue
            topic, profile = subscription.topic_name, subscription.qos_profile
            offers = self._node.get_publishers_info_by_topic(topic)
            latched = {offer.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for offer in offers}
            asked = profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
            if latched == {not asked}:
                self._node.destroy_subscription(subscription)
                self._infos[camera] = self._node.create_subscription(
                    CameraInfo,
                    topic,
                    functools.partial(self._take_info, camera),
                    qos.sensor(1) if asked else qos.latched(),
                    event_callbacks=NO_SUBSCRIPTION_EVENTS,
                )

    def _take_info(self, camera: str, info: CameraInfo) -> None:
        self._informed.add(camera)
        self._assembler.calibrate(camera, info)

    def _subscribe_depth(self, camera: str, settings: NodeSettings) -> None:
        topic = settings.depth_topic_of(camera)
        depths = self._assembler.depths[camera] = DepthImages(read_image, topic, PATIENCE)
        self._depths.append(
            self._node.create_subscription(
                Image,
                topic,
                functools.partial(_keep, depths),
                qos.images(settings.image_reliability, settings.sync_queue_size, False),
                raw=True,
                qos_overriding_options=qos.overridable(),
                event_callbacks=NO_SUBSCRIPTION_EVENTS,
            )
        )

    def _subscribe(self, camera: str, settings: NodeSettings) -> None:
        self.images[camera] = message_filters.Subscriber(
            self._node,
            IMAGE_TYPES[settings.transport(camera)],
            settings.image_topic_of(camera),
            qos_profile=qos.images(
                settings.image_reliability, settings.sync_queue_size, settings.queue_policy == 'block'
            ),
            raw=True,
            qos_overriding_options=qos.overridable(),
            event_callbacks=NO_SUBSCRIPTION_EVENTS,
        )
        self._infos[camera] = self._node.create_subscription(
            CameraInfo,
            settings.camera_info_topic_of(camera),
            functools.partial(self._take_info, camera),
            qos.sensor(1),
            qos_overriding_options=qos.overridable(),
            event_callbacks=NO_SUBSCRIPTION_EVENTS,
        )


def _keep(depths: DepthImages, raw: bytes) -> None:
    try:
        depths.add(read_stamp(raw), raw)
    except ValueError as error:
        depths.problem, depths.failures = f'{depths.topic}: {error}', depths.failures + 1


def camera_inputs(settings: NodeSettings) -> dict[str, CameraInput]:
    """How the images of each camera are to be understood."""
    return {
        camera: CameraInput(
            READERS[settings.transport(camera)], settings.rectify, settings.camera_info_topic_of(camera)
        )
        for camera in settings.cameras
    }
