"""The black margins of the letterbox may be left out: less work, other numbers."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from chromm_ros.network import Calibration, Chromm
from chromm_ros.network.human.encoder import HumanEncoder
from chromm_ros.network.human.letterbox import Letterbox
from chromm_ros.network.human.multi_hmr_head import MultiHmrHead
from chromm_ros.network.presets import FULL_HUMAN, TINY, MultiHmrConfig

WIDE = Letterbox((108, 192), (144, 192))


def network(margins):
    torch.manual_seed(0)
    human = replace(TINY.human, margins=margins)
    return Chromm(replace(TINY, human=human, detection_threshold=0.001)).eval()


def image(height=108):
    return np.random.default_rng(0).integers(0, 256, (height, 192, 3), np.uint8)


@pytest.mark.parametrize(
    ('picture', 'canvas', 'rows', 'columns'),
    [((378, 672), (896, 896), (14, 50), (0, 64)), ((672, 378), (896, 896), (0, 64), (14, 50))],
)
def test_patches_that_show_a_bit_of_the_image_are_in(picture, canvas, rows, columns):
    assert Letterbox(picture, canvas).patches(14) == (slice(*rows), slice(*columns))
    partly = Letterbox((108, 192), (144, 192)).patches(16)  # 18 px above: a whole patch, and a bit of the next
    assert partly == (slice(1, 8), slice(0, 12))


def test_an_image_without_margins_gives_the_same():
    one, other = network(True), network(False)
    pictures = [image(144)]
    torch.testing.assert_close(other.encode(pictures).human_tokens, one.encode(pictures).human_tokens)


def test_nobody_is_found_in_margins_that_are_left_out():
    one = network(False)
    features = one.encode([image()])
    tokens = features.human_tokens.unflatten(1, (9, 12))
    assert tokens[:, 1:8].any(-1).all()
    assert not tokens[:, [0, 8]].any()
    known = Calibration(np.array([[[160.0, 0, 96], [0, 160, 54], [0, 0, 1]]]))
    people = one.people(features, one.decode(features, known))
    assert people.valid.any()
    assert (people.head_px[people.valid][:, 1] > -16 * 1.5).all()
    exact = network(True).encode([image()]).human_tokens
    assert not torch.allclose(exact.unflatten(1, (9, 12))[:, 1:8], tokens[:, 1:8], atol=1e-3)


def test_the_public_head_does_not_look_at_them_either():
    torch.manual_seed(0)
    head = MultiHmrHead(MultiHmrConfig(token_dim=16, dim=32, layers=1, heads=2, head_dim=8), (4, 4)).eval()
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    index, valid = torch.tensor([[5, 9]]), torch.ones(1, 2, dtype=torch.bool)
    matrix = torch.tensor([[[50.0, 0, 28], [0, 50, 28], [0, 0, 1]]])
    tokens = torch.rand(1, 16, 16)
    other = tokens.clone()
    other[:, :4] = other[:, 12:] = 7.0
    part = (slice(1, 3), slice(0, 4))
    with torch.no_grad():
        inside = [head(each, index, valid, matrix, part).token for each in (tokens, other)]
        whole = [head(each, index, valid, matrix).token for each in (tokens, other)]
    torch.testing.assert_close(*inside)
    assert not torch.allclose(*whole)


def test_wide_images_take_less_than_half_of_the_work():
    box, flops = Letterbox((378, 672), (896, 896)), []
    for margins in (True, False):
        with torch.device('meta'):
            encoder = HumanEncoder(replace(FULL_HUMAN, margins=margins)).eval().requires_grad_(False)
        with FlopCounterMode(display=False) as counter:
            encoder.encode(torch.empty(1, 3, 896, 896, device='meta'), box)
        flops.append(counter.get_total_flops() / 1e12)
    assert flops == pytest.approx([4.13, 1.917], rel=0.02)
