"""What no range of a single parameter can say: which values make sense together, and as names in ROS."""

from __future__ import annotations

from rclpy.exceptions import InvalidTopicNameException
from rclpy.expand_topic_name import expand_topic_name
from rclpy.validate_full_topic_name import validate_full_topic_name
from rclpy.validate_topic_name import validate_topic_name

from chromm_ros.intake.settings import TRANSPORTS
from chromm_ros.ros.common.parameters import ParameterError
from chromm_ros.ros.common.settings import NodeSettings

TOPICS_OF_A_CAMERA = ('image_topic', 'camera_info_topic')


def check(settings: NodeSettings) -> None:
    """Refuse parameters of the capture node that contradict each other or that ROS cannot use.

    Raises:
        ParameterError: with the name of the parameter.
    """
    cameras = settings.cameras
    if not cameras or len(set(cameras)) != len(cameras) or not all(cameras):
        raise ParameterError(f'cameras is {list(cameras)}; different names expected, at least one')
    if settings.min_views > len(cameras):
        raise ParameterError(f'min_views is {settings.min_views}, but there are {len(cameras)} cameras')
    if not settings.world_frame or settings.world_frame.startswith('/'):
        raise ParameterError(f'world_frame is {settings.world_frame!r}; the name of a TF frame expected, without a /')
    own = [transport for transport in settings.image_transports if transport]
    if own and (len(own) != len(cameras) or not set(own) <= set(TRANSPORTS)):
        raise ParameterError(f'image_transports is {own}; one of {", ".join(TRANSPORTS)} per camera expected')
    for name in TOPICS_OF_A_CAMERA:
        _check_topics(name, getattr(settings, name), cameras)


def _check_topics(name: str, pattern: str, cameras: tuple[str, ...]) -> None:
    """Every camera must have a topic of its own."""
    try:
        topics = [pattern.format(camera=camera) for camera in cameras]
    except (KeyError, IndexError, ValueError, AttributeError):
        raise ParameterError(f'{name} may contain only the placeholder {{camera}}') from None
    if len(set(topics)) != len(topics):
        raise ParameterError(f'{name} must contain {{camera}}, so that every camera has its own topic')
    for topic in topics:
        try:
            validate_topic_name(topic)
            validate_full_topic_name(expand_topic_name(topic, 'chromm', '/'))
        except InvalidTopicNameException as error:
            reason = str(error).splitlines()[0].rstrip(':').removeprefix('Invalid topic name: ')
            raise ParameterError(f'{name} gives {topic!r}, which is no name for a topic: {reason}') from None
