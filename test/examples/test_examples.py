import importlib.util
import math
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rclpy
import yaml
from geometry_msgs.msg import Pose
from launch_double import ros2_launch
from scipy.spatial.transform import Rotation

from chromm_ros.body.model import BodyModel
from chromm_ros.msg import Human, HumanArray

EXAMPLES = Path(__file__).parents[2] / 'examples'
DOCS = EXAMPLES.parent / 'docs'


def load(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def human(identity, x=0.0, y=0.0, heading=0.0, **fields):
    made = Human(**{'id': identity, 'state': Human.TRACKED, 'confidence': 0.9, **fields})
    made.cylinder.placed = True
    made.pose.pose.position.x, made.pose.pose.position.y = x, y
    made.pose.pose.orientation.z, made.pose.pose.orientation.w = math.sin(heading / 2), math.cos(heading / 2)
    return made


@pytest.mark.parametrize('heading', [0.0, 1.0, -2.5])
def test_the_goal_lies_before_the_person_and_looks_at_them(heading):
    goal = load('follow_person').goal_before(human(1, 2.0, 3.0, heading), HumanArray().header, 1.2).pose
    offset = np.array([goal.position.x - 2.0, goal.position.y - 3.0])
    np.testing.assert_allclose(offset, 1.2 * np.array([math.cos(heading), math.sin(heading)]), atol=1e-9)
    looks = Rotation.from_quat([0, 0, goal.orientation.z, goal.orientation.w]).apply([1, 0, 0])[:2]
    np.testing.assert_allclose(looks, -offset / 1.2, atol=1e-9)


@pytest.fixture
def follower():
    rclpy.init(args=[])
    node = load('follow_person').FollowPerson()
    node.sent = []
    node.goals.publish = node.sent.append
    yield node
    node.destroy_node()
    rclpy.shutdown()


def array_of(node, *humans):
    message = HumanArray(humans=list(humans))
    message.header.stamp = node.get_clock().now().to_msg()
    return message


def test_the_follower_keeps_to_one_person_through_a_merge_and_stays_silent_on_old_news(follower):
    follower.on_humans(array_of(follower, human(4)))
    follower.on_humans(array_of(follower, human(4), human(5)))
    assert follower.followed == 4
    follower.on_humans(array_of(follower, human(5, absorbed=[4]), human(6)))
    assert follower.followed == 5
    sent = len(follower.sent)
    old = array_of(follower, human(5))
    old.header.stamp.sec -= 10
    follower.on_humans(old)
    follower.on_humans(array_of(follower))
    assert len(follower.sent) == sent


@pytest.mark.parametrize('state', [Human.PREDICTED, Human.TENTATIVE, None])
def test_the_follower_stays_with_somebody_who_is_out_of_sight_for_a_while(follower, state):
    follower.on_humans(array_of(follower, human(4)))
    others = [human(5, confidence=0.99)]
    hidden = [] if state is None else [human(4, state=state)]
    for _ in range(3):
        follower.on_humans(array_of(follower, *others, *hidden))
        assert follower.followed == 4
    assert len(follower.sent) == 1 + 3 * (state == Human.PREDICTED)
    follower.on_humans(array_of(follower, human(4), *others))
    assert follower.sent[-1].pose.position.x == pytest.approx(1.2)


def test_the_follower_takes_somebody_else_when_its_patience_is_over(follower):
    follower.on_humans(array_of(follower, human(4)))
    follower.last_here -= follower.patience + 1
    follower.on_humans(array_of(follower, human(5)))
    assert follower.followed == 5


def test_the_follower_does_not_drive_to_where_somebody_may_be(follower):
    lost_sight = human(4, state=Human.PREDICTED)
    lost_sight.cylinder.placed = False
    follower.on_humans(array_of(follower, human(4)))
    follower.on_humans(array_of(follower, lost_sight))
    assert len(follower.sent) == 1
    assert follower.followed == 4


def test_retargeting_gets_every_body_joint_by_its_name():
    example = load('retarget_joints')
    poses = [Pose() for _ in range(55)]
    poses[15].position.z = 1.6
    joints = example.joint_poses(Human(joints=poses))
    assert len(joints) == 22
    assert joints['head'] == ((0.0, 0.0, 1.6), (1.0, 0.0, 0.0, 0.0))


def test_the_names_of_retargeting_follow_the_body():
    names = load('retarget_joints').BODY
    parents = BodyModel.load_proxy().parents
    expected = {'left_knee': 'left_hip', 'head': 'neck', 'left_wrist': 'left_elbow', 'right_foot': 'right_ankle'}
    for child, parent in expected.items():
        assert names[parents[names.index(child)]] == parent


NAV2 = yaml.safe_load((EXAMPLES / 'nav2_collision_monitor.yaml').read_text())


def test_the_collision_monitor_listens_to_the_obstacles():
    parameters = NAV2['collision_monitor']['ros__parameters']
    assert parameters[parameters['observation_sources'][0]]['topic'] == '/chromm/obstacles'
    assert set(parameters['polygons']) <= set(parameters)


def test_the_monitor_stops_on_silence_and_not_on_the_delays_that_the_page_tells():
    measured = re.search(r'^source_timeout: ([\d.]+)$', (DOCS / 'planners.md').read_text(), re.MULTILINE)
    assert float(measured.group(1)) == NAV2['collision_monitor']['ros__parameters']['source_timeout']


@pytest.mark.parametrize(
    ('manage', 'managers'),
    [
        ('false', {'lifecycle_manager_collision'}),
        ('true', {'lifecycle_manager_collision', 'lifecycle_manager_people'}),
    ],
)
def test_every_managed_node_of_the_set_up_has_a_manager(manage, managers):
    line = f'ros2 launch {EXAMPLES}/nav2_collision_monitor.launch.py manage_capture:={manage}'
    programs = ('nav2_collision_monitor/collision_monitor', 'nav2_lifecycle_manager/lifecycle_manager')
    monitor, *others = ros2_launch(line, programs).nodes
    assert {node['name'] for node in others} == managers
    managed = {name for node in others for name in NAV2[node['name']]['ros__parameters']['node_names']}
    assert managed == {monitor['name']} | ({'chromm'} if manage == 'true' else set())
    assert all(node['parameters'] == [str(EXAMPLES / 'nav2_collision_monitor.yaml')] for node in (monitor, *others))


def test_nobody_expects_a_bond_of_the_capture():
    """nav2_lifecycle_manager takes a node for dead that sends no bond; nodes in Python have none."""
    assert NAV2['lifecycle_manager_people']['ros__parameters']['bond_timeout'] == 0.0


def test_the_timeout_is_taken_from_what_a_consumer_sees():
    example = load('source_timeout')
    stamps = [10.0 + 0.2 * k for k in range(200)]
    arrivals = [stamp + 0.3 for stamp in stamps]
    ages = example.greatest_ages(stamps, arrivals)
    assert ages == pytest.approx([0.5] * 199), 'the delay of a message and the wait for the next one'
    assert example.source_timeout(ages) == 0.8
    ages[50:60] = [2.0] * 10
    assert example.source_timeout(ages) == 3.0, 'rare delays count, if more than one in a hundred is so late'
    assert example.quantile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.0


@pytest.mark.parametrize('name', ['follow_person', 'retarget_joints', 'source_timeout'])
@pytest.mark.parametrize('how', [signal.SIGINT, signal.SIGTERM])
def test_an_example_that_is_ended_says_nothing(name, how):
    """As Ctrl-C and ``ros2 launch`` end it, while it spins."""
    program = f"""
import os, runpy, threading
import rclpy
spin = rclpy.spin
def ended(node):
    threading.Timer(0.5, os.kill, (os.getpid(), {int(how)})).start()
    spin(node)
rclpy.spin = ended
runpy.run_path({str(EXAMPLES / f'{name}.py')!r}, run_name='__main__')
"""
    ended = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, '')
