"""Send a goal 1.2 m in front of one person, and keep to that person. Needs only the messages of chromm_ros.

python follow_person.py --ros-args -p distance:=1.2 -r goal_pose:=/goal_pose
"""

import contextlib
import math

import rclpy
from geometry_msgs.msg import PoseStamped
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

from chromm_ros.msg import Human, HumanArray


class FollowPerson(Node):
    def __init__(self):
        super().__init__('follow_person')
        self.distance = self.declare_parameter('distance', 1.2).value  # [m]
        self.max_age = self.declare_parameter('max_age', 1.0).value  # [s]; older people are not followed
        self.patience = self.declare_parameter('patience', 5.0).value  # [s] to wait for somebody who is gone
        self.followed, self.last_here = None, 0.0
        self.goals = self.create_publisher(PoseStamped, 'goal_pose', 1)
        self.create_subscription(HumanArray, '/chromm/humans', self.on_humans, 5)

    def on_humans(self, message):
        now = self.get_clock().now()
        here = {human.id: human for human in message.humans if human.state != Human.LOST}
        absorbed = {old: human.id for human in message.humans for old in human.absorbed}
        self.followed = absorbed.get(self.followed, self.followed)
        if self.followed in here:
            self.last_here = now.nanoseconds * 1e-9
        elif self.followed is None or now.nanoseconds * 1e-9 - self.last_here > self.patience:
            self.choose(here)
        person = here.get(self.followed)
        age = (now - rclpy.time.Time.from_msg(message.header.stamp)).nanoseconds * 1e-9
        # Somebody without a place, or who is not surely a person yet, is waited for: the planner keeps its last goal.
        if person and person.cylinder.placed and person.state != Human.TENTATIVE and age <= self.max_age:
            self.goals.publish(goal_before(person, message.header, self.distance))

    def choose(self, here):
        tracked = [human for human in here.values() if human.state == Human.TRACKED]
        self.followed = max(tracked, key=lambda human: human.confidence).id if tracked else None
        if tracked:
            self.last_here = self.get_clock().now().nanoseconds * 1e-9
            self.get_logger().info(f'following person {self.followed}')


def goal_before(human, header, distance):
    """A pose `distance` in front of the person (REP-155: x forward), looking at them."""
    q, p = human.pose.pose.orientation, human.pose.pose.position
    heading = math.atan2(2 * (q.w * q.z + q.x * q.y), 1 - 2 * (q.y * q.y + q.z * q.z))
    goal = PoseStamped(header=header)
    goal.pose.position.x = p.x + distance * math.cos(heading)
    goal.pose.position.y = p.y + distance * math.sin(heading)
    goal.pose.orientation.z, goal.pose.orientation.w = (
        math.sin((heading + math.pi) / 2),
        math.cos((heading + math.pi) / 2),
    )
    return goal


if __name__ == '__main__':
    rclpy.init()
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(FollowPerson())
