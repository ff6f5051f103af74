"""Two processes that know only the interfaces, to see whether messages of a build cross between them.

python exchange.py receive   # exits 0 when what `send` publishes has arrived intact
python exchange.py send      # publishes until it is ended
"""

import sys
import time

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile

from chromm_ros.msg import CaptureStatus, Human, HumanArray
from chromm_ros.srv import MergeIdentities

TOPIC = 'exchange/humans'
PATIENCE = 60.0
"""Seconds that the receiver waits."""


def example() -> HumanArray:
    message = HumanArray(views=['left', 'right'], window=7)
    message.header.frame_id = 'map'
    human = Human(id=3, body_id='abc', state=Human.TRACKED, confidence=0.5)
    human.smplx.betas = [0.25] * 10
    human.smplx.body_pose[:] = 0.125
    message.humans = [human, Human(id=4)]
    return message


def send(node: Node) -> int:
    publisher = node.create_publisher(HumanArray, TOPIC, QoSProfile(depth=5))
    node.create_service(MergeIdentities, 'exchange/merge', lambda request, response: response)
    node.create_timer(0.1, lambda: publisher.publish(example()))
    rclpy.spin(node)
    return 0


def receive(node: Node) -> int:
    arrived: list[HumanArray] = []
    node.create_subscription(HumanArray, TOPIC, arrived.append, QoSProfile(depth=5))
    client = node.create_client(MergeIdentities, 'exchange/merge')
    end = time.monotonic() + PATIENCE
    while not (arrived and client.service_is_ready()) and time.monotonic() < end:
        rclpy.spin_once(node, timeout_sec=0.1)
    if not arrived:
        print(f'no HumanArray in {PATIENCE} s', file=sys.stderr)
        return 1
    answer = client.call_async(MergeIdentities.Request(keep=3, absorb=[4]))
    rclpy.spin_until_future_complete(node, answer, timeout_sec=PATIENCE)
    intact = arrived[0] == example() and answer.done() and CaptureStatus().stages == []
    print('intact' if intact else f'received {arrived[0]}, service done: {answer.done()}')
    return 0 if intact else 1


def main() -> int:
    role = {'send': send, 'receive': receive}[sys.argv[1]]
    rclpy.init()
    try:
        return role(rclpy.create_node(f'exchange_{sys.argv[1]}'))
    except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
        return 0


if __name__ == '__main__':
    sys.exit(main())
