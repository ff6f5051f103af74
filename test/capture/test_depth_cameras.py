"""Depth cameras give a scene to a network that has none."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from placeless_network import PlacelessNetwork
from truthful_studio import BODY, HEIGHT, WIDTH, Studio, _room_depth, circling

from chromm_ros.capture.capture import Capture

WITHOUT = 'Without depth cameras'


class SceneLess(PlacelessNetwork):
    """It sees nothing but people."""

    def decode(self, *arguments, **options):
        geometry = super().decode(*arguments, **options)
        return replace(geometry, local_points=geometry.local_points * (1000.0 / geometry.local_points[..., 2:]))


def run(depth_cameras, seconds=3.0):
    studio = Studio([circling(1.5, 0.0)])
    capture = Capture(SceneLess(studio), BODY, None, studio.views)
    snapshots = []
    for time in np.arange(0, seconds, 0.25):
        images = studio.images(float(time), rig=studio.rig)
        views = dict(images.views)
        for number in depth_cameras:
            view, room = studio.views[number], _room_depth(studio.rig[number]).astype(np.float32)
            depth = cv2.resize(room, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
            views[view] = replace(views[view], depth=depth)
        snapshots.append(capture.add(replace(images, views=views)))
    return capture, snapshots


def said(snapshots):
    return [message for snapshot in snapshots for message in snapshot.messages if WITHOUT in message]


def test_without_depth_there_is_no_scene_which_is_said_once():
    capture, snapshots = run(())
    assert not len(capture.static_scene().points)
    assert len(said(snapshots)) == 1
    assert snapshots[-1].humans


@pytest.mark.parametrize('cameras', [(0,), (0, 1, 2, 3)])
def test_depth_cameras_fill_the_scene(cameras):
    capture, snapshots = run(cameras)
    points = capture.static_scene().points
    assert len(points) > 150 * len(cameras)
    room = np.abs(points) - [5.0, 5.0, 0.0]
    walls = np.abs(room[:, :2]).min(1)
    floor = np.minimum(np.abs(points[:, 2]), np.abs(points[:, 2] - 3.0))
    assert np.percentile(np.minimum(walls, floor), 95) < 0.3
    assert not said(snapshots)
    assert snapshots[-1].humans
