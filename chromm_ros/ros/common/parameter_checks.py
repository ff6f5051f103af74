"""What no range of a single parameter can say: which values make sense together, and as names in ROS."""

from __future__ import annotations

from chromm_ros.intake.settings import TRANSPORTS
from chromm_ros.ros.common.names import check_topics
from chromm_ros.ros.common.parameters import ParameterError
from chromm_ros.ros.common.settings import NodeSettings

NODE = 'chromm'
TOPICS_OF_A_CAMERA = ('image_topic', 'camera_info_topic')


def check(settings: NodeSettings, namespace: str = '/') -> None:
    """Refuse parameters of the capture node that contradict each other or that ROS cannot use.

    Args:
        namespace: of the node.

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
    try:
        for name in TOPICS_OF_A_CAMERA:
            check_topics(name, getattr(settings, name), cameras, namespace)
    except ValueError as error:
        raise ParameterError(str(error)) from None
    try:
        settings.camera_frame_prefix.format(node=NODE)
    except (KeyError, IndexError, ValueError, AttributeError):
        raise ParameterError('camera_frame_prefix may contain only the placeholder {node}') from None
