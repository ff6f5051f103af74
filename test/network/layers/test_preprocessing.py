import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

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
    batch = preprocessing.batch(preprocessing.resize(images, (64, 48)))
    assert batch.shape == (2, 3, 48, 64)
    assert batch[0].eq(1).all()
    assert batch[1].eq(0).all()


def test_an_image_of_the_right_size_is_not_touched():
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    (pixels,) = preprocessing.resize([image], (64, 48))
    assert pixels.permute(1, 2, 0).equal(torch.from_numpy(image))


def busy_image(width, height):
    cells = np.random.default_rng(1).random((height // 12, width // 12, 3))
    return (255 * np.kron(cells, np.ones((12, 12, 1)))).astype(np.uint8)


SIZE_CASES = [((1280, 720), (672, 378)), ((480, 640), (192, 252)), ((96, 48), (192, 96)), ((1920, 1080), (192, 108))]


@pytest.mark.parametrize('kernel', ['lanczos', 'bicubic'])
@pytest.mark.parametrize(('source', 'size'), SIZE_CASES)
def test_pixels_are_those_of_pillow_within_two_of_255(source, size, kernel):
    image = busy_image(*source)
    expected = np.asarray(Image.fromarray(image).resize(size, Image.Resampling[kernel.upper()])).astype(int)
    ours = preprocessing.resize([image], size, kernel=kernel)[0].permute(1, 2, 0).int().numpy()
    assert abs(ours - expected).max() <= 2


@pytest.mark.parametrize(('source', 'size'), SIZE_CASES)
def test_the_way_of_a_gpu_gives_the_same_pixels(source, size):
    class Elsewhere(torch.Tensor):  # a CPU tensor that says it is on a GPU
        device = torch.device('cuda')

    pixels = torch.from_numpy(busy_image(*source)).permute(2, 0, 1)[None]
    there, here = (
        preprocessing._resampled(way, size, 'lanczos').as_subclass(torch.Tensor)
        for way in (pixels.as_subclass(Elsewhere), pixels)
    )
    assert (there.int() - here.int()).abs().max() <= 2


def test_an_older_pytorch_resizes_with_pillow(monkeypatch):
    monkeypatch.setattr(preprocessing, '_has_lanczos', lambda kind: False)
    image = busy_image(96, 72)
    expected = np.asarray(Image.fromarray(image).resize((64, 48), Image.Resampling.LANCZOS))
    (ours,) = preprocessing.resize([image], (64, 48))
    np.testing.assert_array_equal(ours.permute(1, 2, 0).numpy(), expected)


def test_images_of_several_sizes_keep_their_order():
    images = [busy_image(96, 72), busy_image(64, 48), busy_image(96, 72)[::-1].copy()]
    together = preprocessing.resize(images, (64, 48))
    for image, row in zip(images, together):
        assert row.equal(preprocessing.resize([image], (64, 48))[0])


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
