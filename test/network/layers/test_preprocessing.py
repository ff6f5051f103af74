import json
from pathlib import Path

import numpy as np
import pytest
import torch

from chromm_ros.network.layers import preprocessing
from chromm_ros.network.presets import FULL_SCENE, TINY_SCENE

SIZES = json.loads((Path(__file__).parents[1] / 'fixtures' / 'pi3x' / 'target_size.json').read_text())


@pytest.mark.parametrize(('table', 'limit'), [('target_size_WH', 255_000), ('target_size_WH_limit_100000', 100_000)])
def test_target_sizes_equal_the_reference(table, limit):
    for original, expected in SIZES[table].items():
        width, height = map(int, original.split('x'))
        assert preprocessing.target_size(width, height, 14, limit) == tuple(expected), original


def test_presets():
    full, tiny = (
        preprocessing.target_size(1280, 960, config.encoder.patch, config.pixel_limit)
        for config in (FULL_SCENE, TINY_SCENE)
    )
    assert full == (574, 434)
    assert tiny == (192, 144)


def test_images_of_all_sizes_become_one_batch():
    images = [np.full((90, 120, 3), 255, np.uint8), np.zeros((48, 64, 3), np.uint8)]
    batch = preprocessing.resize(images, (64, 48))
    assert batch.shape == (2, 3, 48, 64)
    assert batch[0].eq(1).all()
    assert batch[1].eq(0).all()


def test_an_image_of_the_right_size_is_not_touched():
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    back = (preprocessing.resize([image], (64, 48))[0].permute(1, 2, 0) * 255).round().byte()
    assert back.equal(torch.from_numpy(image))


@pytest.mark.parametrize('image', [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3))])
def test_what_is_not_an_rgb_image_is_refused(image):
    with pytest.raises(ValueError, match=r'image 1 is .*; expected uint8 RGB'):
        preprocessing.resize([np.zeros((4, 4, 3), np.uint8), image], (4, 4))


def test_an_image_without_pixels_is_refused():
    with pytest.raises(ValueError, match='0x480 px has no pixels'):
        preprocessing.target_size(0, 480, 14, 255_000)


def test_unknown_depth_becomes_zero():
    depth = torch.tensor([[[1.0, torch.nan], [torch.inf, -2.0]]])
    assert preprocessing.resize_depth(depth, (2, 2)).tolist() == [[[1.0, 0.0], [0.0, 0.0]]]
    assert preprocessing.resize_depth(depth, (4, 4))[0, :2, :2].eq(1).all()
