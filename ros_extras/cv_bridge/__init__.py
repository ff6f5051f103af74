"""The part of cv_bridge that chromm_ros uses, for ROS 2 from PyPI, with the names and behaviour of ROS 2 Jazzy."""

from cv_bridge.core import CvBridge, CvBridgeError

__all__ = ['CvBridge', 'CvBridgeError']
