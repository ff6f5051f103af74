"""The capture node as a process of its own, with a stand-in for the network whose knobs are topics.

``/standin/people`` (Int32) sets how many people every window sees; ``/standin/error`` (String) makes the next window
raise a RuntimeError with this text.
"""

import sys

from standins import StandInBackend
from std_msgs.msg import Int32, String

from chromm_ros.ros.common.spin import run_node
from chromm_ros.ros.nodes.capture_node import CaptureNode


def make_node() -> CaptureNode:
    backend = StandInBackend()
    node = CaptureNode(lambda settings: backend)
    node.create_subscription(Int32, '/standin/people', lambda message: setattr(backend, 'people', message.data), 10)
    node.create_subscription(
        String, '/standin/error', lambda message: backend.errors.append(RuntimeError(message.data)), 10
    )
    return node


if __name__ == '__main__':
    sys.exit(run_node(make_node))
