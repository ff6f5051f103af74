import torch

from chromm_ros.network.human.sampling import depth_at, patch_at


def test_patch_at_is_row_by_row_and_clamped():
    pixels = torch.tensor([[0.0, 0.0], [17.0, 15.9], [191.9, 143.9], [-5.0, 500.0]])
    assert patch_at(pixels, (9, 12), 16).tolist() == [0, 1, 107, 96]


def test_depth_is_that_of_the_nearest_pixel():
    depth = torch.arange(20.0).view(1, 4, 5) + 1
    assert depth_at(depth, torch.tensor([[[2.9, 1.1], [100.0, -3.0]]])).tolist() == [[8.0, 5.0]]


def test_unusable_depth_becomes_the_median_around_it():
    depth = torch.full((1, 9, 9), 3.0)
    depth[0, 4, 4] = torch.nan
    depth[0, 4, 5] = 0.0
    depth[0, 4, 3] = torch.inf
    assert depth_at(depth, torch.tensor([[[4.5, 4.5], [5.5, 4.5], [3.5, 4.5]]])).tolist() == [[3.0, 3.0, 3.0]]


def test_no_depth_at_all_is_still_a_number():
    assert depth_at(torch.zeros(1, 5, 5), torch.tensor([[[2.0, 2.0]]])).tolist() == [[1.0]]
