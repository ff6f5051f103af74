import dataclasses

import numpy as np
import pytest

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.people import FusionSettings
from chromm_ros.people.heads import HeadRays, locate

ERRORS = EstimateErrors()
SIGMA = 0.01

CENTRES = np.array([[4.0, 0, 2], [0, 4, 2], [-4, 0, 2], [0, -4, 2]])
HEAD = np.array([0.3, -0.2, 1.7])
METHODS = ('triangulation', 'weighted', 'average')


def rays(points, origins=CENTRES, direction_to=None):
    """Rays of one person-step whose views see the head at ``points`` (V, 3), in the direction of ``direction_to``."""
    points = np.broadcast_to(np.asarray(points, float), origins.shape)
    toward = points if direction_to is None else np.broadcast_to(direction_to, origins.shape)
    directions = (toward - origins) / np.linalg.norm(toward - origins, axis=-1, keepdims=True)
    one = np.ones((1, len(origins)))
    return HeadRays(one > 0, one, origins[None], directions[None], points[None], SIGMA * one)


def deeper(factors):
    """The view's own heads with depths times ``factors`` (V,), on the true rays."""
    return CENTRES + (HEAD - CENTRES) * np.asarray(factors)[:, None]


@pytest.mark.parametrize('position', METHODS)
def test_views_that_agree_give_their_head(position):
    heads = locate(rays(HEAD), FusionSettings(position=position), ERRORS)
    np.testing.assert_allclose(heads.position[0], HEAD, atol=1e-9)
    assert heads.used.all()
    assert (np.linalg.eigvalsh(heads.covariance[0]) > 0).all()


def test_wrong_depths_do_not_matter_to_triangulation():
    points = deeper([1.2, 1.3, 1.1, 1.25])
    np.testing.assert_allclose(locate(rays(points), FusionSettings(), ERRORS).position[0], HEAD, atol=1e-9)
    weighted = locate(rays(points), FusionSettings(position='weighted'), ERRORS).position[0]
    average = locate(rays(points), FusionSettings(position='average'), ERRORS).position[0]
    assert np.linalg.norm(weighted - HEAD) < 0.05 < np.linalg.norm(average - HEAD)


@pytest.mark.parametrize('position', METHODS)
def test_one_view_keeps_its_own_head_uncertain_along_the_ray(position):
    heads = locate(rays(HEAD, CENTRES[:1]), FusionSettings(position=position), ERRORS)
    np.testing.assert_allclose(heads.position[0], HEAD, atol=1e-9)
    values, vectors = np.linalg.eigh(heads.covariance[0])
    ray = (HEAD - CENTRES[0]) / np.linalg.norm(HEAD - CENTRES[0])
    assert abs(vectors[:, 2] @ ray) == pytest.approx(1.0)
    distance = np.linalg.norm(HEAD - CENTRES[0])
    np.testing.assert_allclose(np.sqrt(values[2]), np.hypot(ERRORS.depth * distance, SIGMA))
    np.testing.assert_allclose(np.sqrt(values[0]), np.hypot(ERRORS.direction * distance, SIGMA))


def test_near_parallel_rays_fall_back_to_the_mean():
    origins = np.array([[4.0, 0, 2], [4.0, 0.05, 2]])
    points = HEAD + np.array([[0, 0, 0], [0.4, 0, 0]])
    heads = locate(rays(points, origins, HEAD), FusionSettings(), ERRORS)
    np.testing.assert_allclose(heads.position[0], points.mean(0))


def test_rays_that_meet_behind_a_camera_fall_back_to_the_mean():
    origins = np.array([[0.0, 0, 0], [1.0, 0, 0]])
    apart = np.array([[-0.2, 0, 1.0], [1.2, 0, 1.0]])  # diverging: they meet at z < 0
    heads = locate(rays(apart, origins), FusionSettings(), ERRORS)
    np.testing.assert_allclose(heads.position[0], apart.mean(0))


@pytest.mark.parametrize('position', METHODS)
@pytest.mark.parametrize('wrong', range(4))
def test_a_view_that_sees_somebody_else_is_left_out(position, wrong):
    points = np.tile(HEAD, (4, 1))
    points[wrong] += [1.5, 1.5, 0]
    heads = locate(rays(points), FusionSettings(position=position), ERRORS)
    np.testing.assert_allclose(heads.position[0], HEAD, atol=1e-9)
    np.testing.assert_array_equal(heads.used[0], np.arange(4) != wrong)


def test_of_two_views_that_disagree_neither_is_preferred():
    points = HEAD + np.array([[0, 0, 0], [2.0, 0, 1.5]])
    origins = CENTRES[:2]
    heads = locate(rays(points, origins), FusionSettings(), ERRORS)
    assert heads.disagreeing[0]
    np.testing.assert_allclose(heads.position[0], points.mean(0))
    across = (points[1] - points[0]) / np.linalg.norm(points[1] - points[0])
    assert across @ heads.covariance[0] @ across > 0.2  # as uncertain as the views are apart


@pytest.mark.parametrize('position', ['triangulation', 'weighted'])
@pytest.mark.parametrize('views', [1, 2, 4])
def test_the_covariance_is_what_the_noise_does(position, views):
    settings = FusionSettings(position=position)
    rng = np.random.default_rng(0)
    count, origins = 4000, CENTRES[:views]
    offset = HEAD - origins
    distance = np.linalg.norm(offset, axis=-1)[:, None]
    ray = offset / distance
    depth = distance * (1 + ERRORS.depth * rng.normal(size=(count, views, 1)))
    aside = ERRORS.direction * rng.normal(size=(count, views, 3))
    direction = ray + aside - (aside * ray).sum(-1, keepdims=True) * ray
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    one = np.ones((count, views))
    centres = np.broadcast_to(origins, direction.shape)
    many = HeadRays(one > 0, one, centres, direction, origins + depth * direction, 0 * one)
    heads = locate(many, settings, ERRORS)
    observed = np.cov(heads.position.T)
    stated = heads.covariance.mean(0)
    ratio = np.linalg.eigvals(np.linalg.solve(stated, observed)).real
    # the stated one also grows with the misses it sees, so it may be larger than needed but never much too small
    assert (ratio < 1.15).all()
    assert (ratio > 0.3).all()


def test_disagreement_grows_the_covariance():
    points = HEAD + np.array([[0, 0, 0.3], [0, 0, -0.3], [0, 0, 0.3], [0, 0, -0.3]])
    calm, torn = (locate(rays(at), FusionSettings(), ERRORS).covariance[0] for at in (HEAD, points))
    assert np.trace(torn) > 10 * np.trace(calm)


def test_views_without_a_detection_may_hold_anything_finite():
    seen = rays(HEAD)
    present = seen.present.copy()
    present[0, 1] = False
    points = seen.points.copy()
    points[0, 1] = 1e6
    directions = seen.directions.copy()
    directions[0, 1] = 0
    heads = locate(
        dataclasses.replace(seen, present=present, points=points, directions=directions), FusionSettings(), ERRORS
    )
    np.testing.assert_allclose(heads.position[0], HEAD, atol=1e-9)
    assert not heads.used[0, 1]


def test_a_camera_that_was_only_estimated_pulls_less_than_one_that_was_given():
    """Two cameras see the head half a metre apart: it lies where the given one sees it."""
    points = HEAD + np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.5]])
    seen = dataclasses.replace(rays(points, CENTRES[:2]), sigma=np.array([[0.01, 0.4]]))
    heads = locate(
        seen, FusionSettings(position='weighted'), EstimateErrors(camera_position=0.4, camera_rotation=0.1)
    )
    assert abs(heads.position[0, 2] - HEAD[2]) < 0.05
    assert heads.used.all()  # half a metre is no outlier for a camera that is off by 0.4 m
