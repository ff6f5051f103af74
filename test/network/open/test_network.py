"""The network of preset open in place of CHROMM: real frames in, people out."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.capture.capture import Capture
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.flow import MAX_PEOPLE
from chromm_ros.geometry.cameras import invert_rigid, project, transform
from chromm_ros.network.loading import chosen_preset, load_network
from chromm_ros.network.open.network import OpenNetwork
from chromm_ros.network.scene.calibration import Calibration


def people_of(network, images, calibration=None):
    features = network.encode(images)
    return network.people(features, network.decode(features, calibration)).numpy()


def test_three_people_are_captured_by_four_cameras(network, image_sets, cameras):
    capture = Capture(network, BodyModel.load(), CaptureSettings(), cameras)
    snapshots = [capture.add(images) for images in image_sets]
    ids = Counter(human.id for snapshot in snapshots for human in snapshot.humans)
    assert set(ids) == {1, 2, 3}
    misses = []
    for human in snapshots[-1].humans:
        assert len(human.observations) >= 2
        for seen in human.observations:
            camera = cameras[seen.view]
            local = transform(invert_rigid(camera.world_from_camera), human.head)
            misses.append(np.linalg.norm(project(local, camera.intrinsics) - seen.head_px))
    assert np.median(misses) < 5  # of 480 px
    lowest = [human.joints[:, 2].min() for human in snapshots[-1].humans if len(human.observations) == 4]
    assert len(lowest) >= 2
    np.testing.assert_allclose(lowest, 0, atol=0.12)  # the floor of the calibration, although one is 1.4 m tall


def test_nobody_is_in_an_empty_room(network):
    noise = np.random.default_rng(0).integers(90, 120, (240, 320, 3), np.uint8)
    found = people_of(network, [noise, np.zeros((240, 320, 3), np.uint8)])
    assert not found.valid.any()
    assert found.valid.shape == (2, MAX_PEOPLE)


@pytest.mark.parametrize('shape', [(8, 8), (1, 400), (400, 1), (90, 33)])
def test_images_of_any_shape_are_taken(network, shape):
    assert people_of(network, [np.full((*shape, 3), 128, np.uint8)]).valid.shape == (1, MAX_PEOPLE)


def test_a_person_is_found_in_a_picture_turned_by_a_little(network, crop):
    found = people_of(network, [crop])
    assert found.valid[0].sum() >= 1
    assert found.landmarks.shape == (1, MAX_PEOPLE, 33, 3)
    body = found.landmarks[0, 0]
    assert body[0, 1] < body[23, 1] < body[27, 1]  # nose above hip above ankle


def test_without_intrinsics_a_usual_lens_is_assumed(network, crop):
    geometry = network.decode(network.encode([crop]))
    np.testing.assert_allclose(geometry.intrinsics[0], [[230.4, 0, 128], [0, 230.4, 128], [0, 0, 1]])


def test_given_cameras_are_kept(network, crop):
    pose, lens = np.eye(4), np.array([[300.0, 0, 128], [0, 310, 127], [0, 0, 1]])
    pose[:3, 3] = 1, 2, 3
    features = network.encode([crop])
    geometry = network.decode(features, Calibration(intrinsics=lens[None], world_from_camera=pose[None]))
    np.testing.assert_allclose(geometry.world_from_camera[0], pose)
    np.testing.assert_allclose(geometry.intrinsics[0], lens)
    assert not geometry.human_mask.any()
    assert (geometry.local_points[..., 2] > 500).all()  # nothing that would hide somebody or enter the map


def test_auto_is_open_without_weights_and_what_the_file_holds_with_them(tmp_path):
    assert chosen_preset('auto') == 'open'
    assert chosen_preset('auto', 'chromm_ros/network/weights/tiny.safetensors') == 'tiny'
    assert chosen_preset('full') == 'full'
    with pytest.raises(FileNotFoundError, match='no weight file'):
        chosen_preset('auto', tmp_path / 'absent.safetensors')
    assert isinstance(load_network('auto'), OpenNetwork)


def test_weights_of_another_preset_are_refused():
    with pytest.raises(ValueError, match="preset 'tiny', not 'open'"):
        load_network('open', 'chromm_ros/network/weights/tiny.safetensors')


def test_people_and_their_landmarks_agree(network, image_sets):
    """The body that was fitted lies on the landmarks that it was fitted to."""
    view = image_sets[0].views['cam02']
    found = people_of(network, [view.pixels], Calibration(intrinsics=view.intrinsics[None]))
    for n in np.flatnonzero(found.valid[0]):
        joints = project(found.joints[0, n], view.intrinsics)
        hips = found.landmarks[0, n, [23, 24], :2]
        size = np.ptp(found.landmarks[0, n, :, 1])
        assert np.linalg.norm(joints[[1, 2]] - hips, axis=-1).max() < 0.12 * size


def test_the_network_runs_where_its_weights_are(network):
    assert network.device == torch.device('cpu')


def test_the_lens_that_is_assumed_is_said_once(network, image_sets):
    capture = Capture(network, BodyModel.load(), CaptureSettings(), ['cam02'])
    sentences = []
    for images in image_sets[:2]:
        view = dataclasses.replace(images.views['cam02'], intrinsics=None, world_from_camera=None)
        snapshot = capture.add(dataclasses.replace(images, views={'cam02': view}))
        sentences += snapshot.messages if snapshot is not None else ()
    assert sum('a focal length of 432 px is assumed' in sentence for sentence in sentences) == 1
