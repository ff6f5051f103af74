from dataclasses import replace

import numpy as np
import pytest
import torch

from chromm_ros.network import pixels
from chromm_ros.network.chromm import Chromm
from chromm_ros.network.human.letterbox import Letterbox
from chromm_ros.network.presets import FULL, FULL_MULTI_HMR, TINY

CPU = torch.device('cpu')


def photo(height=720, width=1280, seed=0):
    cells = np.random.default_rng(seed).random((height // 8, width // 8, 3))
    return (255 * np.kron(cells, np.ones((8, 8, 1)))).astype(np.uint8)


@pytest.fixture(scope='module')
def network():
    torch.manual_seed(0)
    return Chromm(TINY).eval()


def test_images_prepared_ahead_give_the_features_of_those_that_are_not(network):
    images = [photo(seed=0), photo(seed=1)]
    expected = network.encode(images)
    ahead = network.encode(images, prepared=network.prepare(images))
    partly = network.encode(images, prepared=[network.prepare(images[:1])[0], None])
    for features in (ahead, partly):
        assert features.scene.equal(expected.scene)
        assert features.human_tokens.equal(expected.human_tokens)
        assert features.image_sizes == ((720, 1280),) * 2


def test_an_image_prepared_for_another_window_is_resized_anew(network):
    wide, tall = photo(), photo(640, 480)
    prepared = network.prepare([wide, tall])
    assert prepared[0].scene_size != prepared[1].scene_size
    size = prepared[0].scene_size
    expected = network.encode([wide, tall], size)
    assert network.encode([wide, tall], size, prepared=prepared).scene.equal(expected.scene)


@pytest.mark.parametrize(('config', 'own'), [(TINY, False), (FULL, False), (FULL_MULTI_HMR, True)])
def test_only_the_public_head_looks_at_the_cameras_own_pixels(config, own):
    (made,) = pixels.prepare([photo()], config, CPU)
    assert (made.human is not None) is own


def test_the_cameras_own_pixels_show_more_at_the_same_place():
    """Lines a pixel wide, which the scene's image does not have, are there where the letterbox says."""
    image = np.zeros((720, 1280, 3), np.uint8)
    image[:, 640] = image[360] = 255
    config = replace(FULL_MULTI_HMR, human=replace(FULL_MULTI_HMR.human, image_size=(1400, 1400)))
    own, enlarged = (
        pixels.encoder_inputs(pixels.prepare([image], made, CPU), Letterbox((378, 672), (1400, 1400)))[1][0, 0]
        for made in (config, replace(config, human=replace(config.human, pixels='scene')))
    )
    assert own.shape == enlarged.shape == (1400, 1400)
    for cross in (own, enlarged):
        row, column = cross.sum(1).argmax(), cross.sum(0).argmax()
        assert abs(int(row) + 0.5 - 700) < 3
        assert abs(int(column) + 0.5 - 1400 / 1280 * 640.5) < 3
    assert own.max() > 1.3 * enlarged.max()
