"""Where images come from and how they are matched: the same settings for topics, bags, videos and pictures."""

from __future__ import annotations

from dataclasses import dataclass

from chromm_ros.intake.dating import NANO
from chromm_ros.intake.rig_buffer import SyncLimits
from chromm_ros.settings import setting

TRANSPORTS = ('raw', 'compressed')


@dataclass(frozen=True)
class IntakeSettings:
    """The part of the node's settings that recordings share with it."""

    cameras: tuple[str, ...] = setting(
        ('camera_0', 'camera_1', 'camera_2', 'camera_3'), 'Names of the cameras, in the order of the rig.'
    )
    image_topic: str = setting(
        '{camera}/image',
        'Topic of the images; {camera} stands for the name of a camera. The compressed transport appends '
        '/compressed.',
    )
    camera_info_topic: str = setting(
        '{camera}/camera_info', 'Topic of the CameraInfo messages; a camera without them is treated as uncalibrated.'
    )
    depth_topic: str = setting(
        '',
        'Topic of depth images that are registered to the colour images (16UC1 in mm or 32FC1 in m); {camera} stands '
        'for the name of a camera, and cameras without one go on without depth. Empty: there are none.',
    )
    image_transport: str = setting('raw', 'Type of the image messages.', choices=TRANSPORTS)
    image_transports: tuple[str, ...] = setting(
        ('',),
        'Transport of each camera, in their order, where they differ (raw, compressed). ROS knows no empty list of '
        'strings: one empty name means image_transport for all.',
    )
    image_reliability: str = setting(
        'best_effort',
        'Reliability of the image subscriptions. best_effort fits every publisher, reliable needs a reliable one.',
        choices=('best_effort', 'reliable'),
    )
    rectify: bool = setting(
        True, 'Undo the lens distortion that CameraInfo describes. False: images arrive rectified (image_rect).'
    )
    stamps: str = setting(
        'header',
        'What dates an image. header: its stamp, or the time of arrival where a driver leaves the stamp at zero; '
        'arrival: always the time of arrival (of recording), for stamps that stand still or are of another clock.',
        choices=('header', 'arrival'),
    )
    sync_slop: float = setting(
        0.02,
        'Largest difference between the stamps of images that are taken as one set.',
        unit='s',
        low=0.0,
        high=0.5,
        live=True,
    )
    sync_queue_size: int = 10
    """Images that wait per camera for those of the others."""
    min_views: int = setting(
        1, 'Number of cameras that must be in an image set for it to be used.', low=1, high=32, live=True
    )
    world_frame: str = setting('map', 'TF frame of everything that is published; z points up.')
    camera_frame_prefix: str = setting(
        '{node}/',
        'TF frames of estimated cameras are <prefix><camera>_optical_frame; {node} stands for the full name of the '
        'node, so that two captures never share a frame.',
    )

    def limits(self, camera_timeout: float, max_out_of_order: float) -> SyncLimits:
        """Those of the buffer; the arguments are settings of the capture [s]."""
        return SyncLimits(
            slop=round(self.sync_slop * NANO),
            timeout=round(camera_timeout * NANO),
            max_out_of_order=round(max_out_of_order * NANO),
            min_views=self.min_views,
            queue_size=self.sync_queue_size,
        )

    def transport(self, camera: str) -> str:
        """``raw`` or ``compressed``, of one of the cameras."""
        own = [transport for transport in self.image_transports if transport]
        return own[self.cameras.index(camera)] if own else self.image_transport

    def image_topic_of(self, camera: str) -> str:
        """With the suffix of its transport."""
        suffix = '/compressed' if self.transport(camera) == 'compressed' else ''
        return self.image_topic.format(camera=camera) + suffix

    def depth_topic_of(self, camera: str) -> str:
        """Topic of the depth of a camera; empty: there is none."""
        return self.depth_topic.format(camera=camera)

    def camera_info_topic_of(self, camera: str) -> str:
        """Topic of the calibration of a camera."""
        return self.camera_info_topic.format(camera=camera)
