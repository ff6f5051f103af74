from dataclasses import replace

import numpy as np
import pytest
from rig_sightings import LIMBS

from chromm_ros.people.self_calibration.from_detections import AS_LANDMARKS, mean_limbs, seen_people
from chromm_ros.people.self_calibration.sightings import BODY, POINTS, Sighting
from chromm_ros.synthetic.estimates import Errors, crowd, simulate

SIZE = (640, 480)


@pytest.fixture(scope='module')
def image(body):
    """Everybody in one image, and its intrinsics."""
    window = simulate(crowd(2, 1, 3, 3, body), Errors(), 3, body).people
    return window.take((0, 0)), window.intrinsics[0, 0]


def test_bodies_are_seen_where_their_joints_project(image):
    detections, intrinsics = image
    people = seen_people(detections, intrinsics, SIZE)
    assert len(people) == detections.valid.sum() > 0
    assert people.weights[:, :BODY].max() == 1
    assert not people.weights[:, BODY:].any()
    hip = people.shapes[0, POINTS.index('left_hip')]
    assert people.pixels[0, POINTS.index('left_hip')] == pytest.approx((intrinsics @ (hip / hip[2]))[:2])


def test_landmarks_come_before_joints_and_keep_their_weights(image):
    detections, intrinsics = image
    marks = np.random.default_rng(0).uniform(0, 1, (*detections.valid.shape, 33, 3))
    people = seen_people(replace(detections, landmarks=marks), intrinsics, SIZE)
    chosen = marks[detections.valid][:, list(AS_LANDMARKS)]
    assert np.allclose(people.pixels, chosen[..., :2])
    assert np.allclose(people.weights, chosen[..., 2])


def test_people_behind_or_beside_the_image_have_no_weight(image):
    detections, intrinsics = image
    behind = replace(detections, head=detections.head * [1, 1, -1])
    assert not seen_people(behind, intrinsics, SIZE).weights.any()


def test_the_size_of_a_body_is_the_mean_of_all(image):
    detections, intrinsics = image
    sighting = Sighting(0, {'a': seen_people(detections, intrinsics, SIZE)})
    assert mean_limbs([sighting]) == pytest.approx(LIMBS, rel=0.15)
    assert mean_limbs([]) == 0
