import pytest
import torch

from chromm_ros.network.layers.rotation6d import IDENTITY, from_6d, to_6d

ORDERS = {'rows': 'h3r', 'columns': 'mhmr'}


@pytest.mark.parametrize(('order', 'reference'), ORDERS.items())
def test_equals_the_reference(multi_hmr, order, reference):
    arrays = multi_hmr.arrays('rot6d')
    torch.testing.assert_close(from_6d(arrays['v6'], order), arrays[f'R_{reference}'], atol=1e-6, rtol=0)
    torch.testing.assert_close(to_6d(arrays['R'], order), arrays[f'R_to_6d_{reference}'], atol=1e-6, rtol=0)


@pytest.mark.parametrize('order', ORDERS)
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_round_trip_is_the_same_rotation(order, dtype):
    rotations = torch.linalg.qr(torch.randn(5, 7, 3, 3, dtype=dtype)).Q
    rotations[torch.linalg.det(rotations) < 0] *= -1
    torch.testing.assert_close(from_6d(to_6d(rotations, order), order), rotations)


@pytest.mark.parametrize('order', ORDERS)
def test_any_six_numbers_give_a_rotation(order):
    rotations = from_6d(torch.randn(100, 6, dtype=torch.float64), order)
    torch.testing.assert_close(rotations @ rotations.mT, torch.eye(3, dtype=torch.float64).expand(100, 3, 3))
    torch.testing.assert_close(torch.linalg.det(rotations), torch.ones(100, dtype=torch.float64))


@pytest.mark.parametrize('order', ORDERS)
def test_identity_of_each_order(order):
    torch.testing.assert_close(from_6d(torch.tensor(IDENTITY[order]), order), torch.eye(3))


def test_the_orders_mean_different_rotations():
    numbers = torch.randn(10, 6)
    assert not torch.allclose(from_6d(numbers, 'rows'), from_6d(numbers, 'columns'), atol=1e-2)
