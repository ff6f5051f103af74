"""What real cameras say about a capture of themselves."""

import dataclasses

import numpy as np
import pytest
from real_frames import real_sets
from scipy.spatial.transform import Rotation

from chromm_ros.body.model import BodyModel
from chromm_ros.evaluation.real import score_run, switched_off
from chromm_ros.network.open.network import OpenNetwork


@pytest.fixture(scope='module')
def sets():
    return real_sets()


@pytest.fixture(scope='module')
def network():
    return OpenNetwork.load()


def summary(network, sets):
    return score_run(network, BodyModel.load(), sets, tuple(sets[0].views)).summary()


@pytest.fixture(scope='module')
def given(network, sets):
    return summary(network, sets)


def test_people_ids_and_reprojection_are_measured(given):
    assert given['image_sets'] == sum(given['people_per_set'].values()) == 3
    assert set(given['ids']) <= {'1', '2', '3'}
    assert given['head']['median_px'] < 5  # of 480
    assert given['joints']['median_px'] < 10
    assert given['left_out_landmarks']['count'] > 50
    # nothing was fitted to the view that is left out
    assert given['joints']['median_m'] < given['left_out_landmarks']['median_m'] < 0.12
    assert all(1.2 < height < 1.9 for height in given['height_m'].values())


def test_a_calibration_that_is_wrong_shows_in_the_view_left_out(network, sets, given):
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler('y', 4, degrees=True).as_matrix()

    def turned(images):
        view = images.views['cam04']
        wrong = dataclasses.replace(view, world_from_camera=view.world_from_camera @ turn)
        return dataclasses.replace(images, views={**images.views, 'cam04': wrong})

    wrong = summary(network, [turned(images) for images in sets])
    assert wrong['left_out_landmarks']['median_m'] > 1.3 * given['left_out_landmarks']['median_m']


def test_a_camera_that_is_off_is_missing_for_that_long(sets):
    left = list(switched_off(sets, 'cam02', begin=0.1, seconds=0.2))
    assert [('cam02' in images.views) for images in left] == [True, False, True]
    assert all('cam01' in images.views for images in left)


def test_nothing_is_measured_of_an_empty_room(network, sets):
    view = sets[0].views['cam01']
    empty = dataclasses.replace(view, pixels=np.full_like(view.pixels, 120))
    nobody = dataclasses.replace(sets[0], views={'cam01': empty})
    found = summary(network, [nobody])
    assert found['people_per_set'] == {'0': 1}
    assert found['head'] is found['joints'] is found['left_out_landmarks'] is None
