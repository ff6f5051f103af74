from pathlib import Path

import numpy as np
import pytest
import torch

from chromm_ros.network.scene.rays import intrinsics_from_tangents, ray_map

GEOMETRY = Path(__file__).parents[1] / 'fixtures' / 'pi3x' / 'geometry.npz'
HALF_PIXEL = torch.tensor([[0.0, 0.0, 0.5], [0.0, 0.0, 0.5], [0.0, 0.0, 0.0]])


@pytest.fixture(scope='module')
def geometry():
    return {key: torch.from_numpy(value) for key, value in np.load(GEOMETRY).items() if key.startswith('intr_')}


@pytest.mark.parametrize('points', ['clean', 'noisy'])
@pytest.mark.parametrize('centred', [False, True])
def test_equals_the_reference_whose_pixel_centres_are_integers(geometry, points, centred):
    local = geometry[f'intr_points_{points}']
    found = intrinsics_from_tangents(local[..., :2] / local[..., 2:], centred)
    expected = geometry[f'intr_{points}_K_center{int(centred)}_ndc0'] + HALF_PIXEL
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('points', ['clean', 'noisy'])
@pytest.mark.parametrize('centred', [False, True])
def test_equals_the_reference_in_normalized_device_coordinates(geometry, points, centred):
    """Its other unit, -1 to 1 from the first pixel's centre to the last one's, is a change of coordinates of ours."""
    local = geometry[f'intr_points_{points}']
    height, width = local.shape[-3:-1]
    device_from_pixel = torch.tensor(
        [[2 / (width - 1), 0.0, -1.0], [0.0, 2 / (height - 1), -1.0], [0.0, 0.0, 1.0]], dtype=local.dtype
    )
    found = intrinsics_from_tangents(local[..., :2] / local[..., 2:], centred) - HALF_PIXEL
    expected = geometry[f'intr_{points}_K_center{int(centred)}_ndc1']
    torch.testing.assert_close(device_from_pixel @ found, expected, rtol=1e-4, atol=1e-4)


def test_round_trip():
    k = torch.tensor([[[50.0, 0.0, 19.0], [0.0, 55.0, 12.0], [0.0, 0.0, 1.0]]])
    tangents = ray_map(k, 24, 32).movedim(1, -1)
    torch.testing.assert_close(intrinsics_from_tangents(tangents, centred=False), k, rtol=1e-4, atol=1e-3)


def test_the_first_pixel_is_centred_at_a_half():
    k = torch.tensor([[10.0, 0.0, 0.5], [0.0, 10.0, 0.5], [0.0, 0.0, 1.0]])
    rays = ray_map(k, 4, 6)
    assert rays[:, 0, 0].tolist() == [0.0, 0.0]
    torch.testing.assert_close(rays[:, 2, 3], torch.tensor([0.3, 0.2]))
