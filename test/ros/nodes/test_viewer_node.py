"""The page as a person sees it: the viewer runs as its own process, fed by plain publishers."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import rclpy
import torch
from browser import count_hue, frame_number, of_hue, opened, part_picture, scene_picture
from geometry_msgs.msg import Pose
from rclpy.qos import DurabilityPolicy, QoSProfile
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField

from chromm_ros.body.model import BodyModel
from chromm_ros.msg import CaptureStatus, Human, HumanArray
from chromm_ros.viewing.colors import identity_color
from chromm_ros.viewing.server import free_port

IDS = (1, 2, 3)
CAMERA_COLOR = (0, 255, 0)


def pose(position, rotation):
    made = Pose()
    made.position.x, made.position.y, made.position.z = map(float, position)
    made.orientation.x, made.orientation.y, made.orientation.z, made.orientation.w = map(float, rotation.as_quat())
    return made


def people():
    """Three people that stand side by side."""
    body = BodyModel.load_proxy()
    upright = Rotation.from_euler('x', 90, degrees=True)
    root = torch.tensor(upright.as_matrix(), dtype=torch.float32)
    still = torch.eye(3).expand(52, 3, 3)
    joints = body.joints(torch.zeros(10), still, root).numpy()
    turns = Rotation.from_matrix(body.joint_rotations(still, root).numpy())
    return [
        Human(
            id=identity,
            state=Human.TRACKED,
            height=1.7,
            joints=[pose(joint + np.array([1.2 * (place - 1), 0, 1.0]), turn) for joint, turn in zip(joints, turns)],
        )
        for place, identity in enumerate(IDS)
    ]


def gray_floor():
    grid = np.stack(np.meshgrid(np.linspace(-2, 2, 120), np.linspace(-2, 2, 120)), -1).reshape(-1, 2)
    rows = np.zeros(len(grid), [('x', '<f4'), ('y', '<f4'), ('z', '<f4'), ('rgb', '<u4')])
    rows['x'], rows['y'], rows['rgb'] = *grid.T, 0x404040
    fields = [
        PointField(name=name, offset=4 * k, datatype=7, count=1) for k, name in enumerate(('x', 'y', 'z', 'rgb'))
    ]
    cloud = PointCloud2(width=len(rows), height=1, point_step=16, fields=fields, data=rows.tobytes())
    cloud.header.frame_id = 'map'
    return cloud


def status():
    facing = Rotation.from_matrix(np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], float))
    return CaptureStatus(
        views=['camera_0'], view_state=[CaptureStatus.OK], rate=[10.0], camera_pose=[pose([0, -1.5, 1.2], facing)]
    )


def publish(node, stop):
    """What a capture sends, at five windows per second."""
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    scenes = node.create_publisher(PointCloud2, '/chromm/scene', latched)
    humans = node.create_publisher(HumanArray, '/chromm/humans', 5)
    states = node.create_publisher(CaptureStatus, '/chromm/status', 5)
    images = node.create_publisher(Image, '/camera_0/image', 1)
    scenes.publish(gray_floor())
    crowd, rig = people(), status()
    pixels = np.full((48, 64, 3), CAMERA_COLOR, np.uint8).tobytes()
    infos = node.create_publisher(CameraInfo, '/camera_0/camera_info', 1)
    lens = CameraInfo(width=64, height=48, k=[22.0, 0.0, 32.0, 0.0, 22.0, 24.0, 0.0, 0.0, 1.0])
    image = Image(width=64, height=48, encoding='rgb8', step=192, data=pixels)
    window = 0
    while not stop.wait(0.2):
        message = HumanArray(window=window, views=['camera_0'], humans=crowd)
        message.header.stamp = image.header.stamp = rig.header.stamp = node.get_clock().now().to_msg()
        for publisher, content in ((infos, lens), (images, image), (states, rig), (humans, message)):
            publisher.publish(content)
        window += 1


@pytest.fixture
def capture_double():
    rclpy.init(args=[])
    node = rclpy.create_node('chromm')
    stop = threading.Event()
    thread = threading.Thread(target=publish, args=(node, stop))
    thread.start()
    yield
    stop.set()
    thread.join()
    node.destroy_node()
    rclpy.shutdown()


def start_viewer(port):
    return subprocess.Popen(
        [sys.executable, '-m', 'chromm_ros.ros.nodes.viewer_node', '--ros-args', '-p', f'port:={port}'],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ,
    )


@pytest.mark.slow
@pytest.mark.serial
def test_the_page_shows_everybody_everywhere_and_a_click_selects(capture_double):
    port = free_port()
    viewer = start_viewer(port)
    try:
        wait_for_port(port)
        with opened(f'http://127.0.0.1:{port}', 720, 440) as page:
            first = frame_number(page)
            deadline = time.monotonic() + 150
            while not shows_everything(pixels := scene_picture(page)):
                assert time.monotonic() < deadline, seen(pixels)
            assert frame_number(page, above=first) > first
            assert '3 people' in page.inner_text('#chromm .now')
            parts = ('.map', '.strip figure')
            before = {part: part_picture(page, f'#chromm {part}') for part in parts}
            for part, identity in [(part, identity) for part in parts for identity in IDS]:
                assert count_hue(before[part], identity_color(identity)) > 20, (part, identity)

            page.click('#chromm .person[data-id="2"]')
            wait_for_chosen(page, 2)
            for part in parts:
                grown = [
                    count_hue(part_picture(page, f'#chromm {part}'), identity_color(identity), saturation=0.6)
                    / count_hue(before[part], identity_color(identity), saturation=0.6)
                    for identity in (1, 2)
                ]
                assert grown[1] > 1.15 > grown[0], (part, grown)
            until_true(lambda: strong(scene_picture(page), 1) < 0.5 * strong(pixels, 1))
            assert strong(scene_picture(page), 2) > 0.8 * strong(pixels, 2)

            rows, columns = np.nonzero(of_hue(pixels, identity_color(3), saturation=0.6))
            middle = len(rows) // 2  # in the order of rows: in the middle of the body
            page.evaluate('document.querySelector("#chromm").style.pointerEvents = "none"')
            page.mouse.click(int(columns[middle]), int(rows[middle]))
            wait_for_chosen(page, 3)
    finally:
        viewer.send_signal(signal.SIGINT)
        assert viewer.wait(timeout=20) == 0


def wait_for_chosen(page, identity):
    """Until the server says who is selected, whichever part was clicked."""
    until_true(lambda: page.evaluate('chromm.page.state.selected') == identity)
    assert page.get_attribute('#chromm .person.chosen', 'data-id') == str(identity)


def until_true(happened, patience=90):
    deadline = time.monotonic() + patience
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.3)


def strong(pixels, identity):
    return count_hue(pixels, identity_color(identity), saturation=0.6)


@pytest.mark.serial
def test_a_port_in_use_is_one_clear_line():
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        port = taken.getsockname()[1]
        viewer = start_viewer(port)
        said, _ = viewer.communicate(timeout=60)
    assert viewer.returncode == 1
    assert f'port {port} is in use' in said
    assert 'Traceback' not in said


def shows_everything(pixels):
    counts = seen(pixels)
    people_seen = all(counts[identity] > 60 for identity in IDS)
    return people_seen and counts['camera image'] > 100 and counts['scene'] > 2000


def seen(pixels):
    counts = {identity: count_hue(pixels, identity_color(identity)) for identity in IDS}
    counts['camera image'] = count_hue(pixels, CAMERA_COLOR, tolerance=6)
    dark = (pixels.max(-1) < 130) & (pixels.max(-1).astype(int) - pixels.min(-1) < 12)
    counts['scene'] = int(dark.sum())
    return counts


def wait_for_port(port, patience=60):
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(('127.0.0.1', port)) == 0:
                return
        time.sleep(0.2)
    raise AssertionError(f'nobody listens on port {port} after {patience} s')
