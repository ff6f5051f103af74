"""Ways for less work in the global blocks, against the exact one."""

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from chromm_ros.network.presets import TINY_SCENE
from chromm_ros.network.scene.conditions import prepare
from chromm_ros.network.scene.network import SceneNetwork

GRID = (9, 12)


@pytest.fixture(scope='module')
def scene():
    torch.manual_seed(0)
    return SceneNetwork(TINY_SCENE).eval().requires_grad_(False)


@pytest.fixture(scope='module')
def tokens():
    torch.manual_seed(1)
    return torch.randn(1, 6, 108, 128)


def thinned(scene, step):
    other = SceneNetwork(replace(scene.config, key_step=step)).eval().requires_grad_(False)
    other.load_state_dict(scene.state_dict())
    return other


def test_one_view_alone_sees_all_of_itself_whatever_the_step(scene, tokens):
    alone = tokens[:, :1]
    torch.testing.assert_close(thinned(scene, 4).decode(alone, GRID), scene.decode(alone, GRID), atol=1e-5, rtol=1e-5)


def test_every_nth_key_of_the_others_is_seen_and_no_other(scene, tokens):
    """A change of a patch that others do not see changes nothing in them after one global block."""
    network = thinned(replace_blocks(scene, 2), 4)
    before = network.decode(tokens, GRID)
    for patch, seen in ((8, True), (9, False)):
        changed = tokens.clone()
        changed[0, 2, patch] = -changed[0, 2, patch]
        # The frame block before mixes the patches of a view, so it is left out.
        moved = (network.decode(changed, GRID) - before).abs().amax((-1, -2))[0]
        assert bool(moved[0] > 1e-6) is seen
        assert moved[2] > 1e-3


def replace_blocks(scene, count):
    """The first blocks alone, whose frame blocks leave every token as it is."""
    short = SceneNetwork(replace(scene.config, decoder_blocks=count)).eval().requires_grad_(False)
    short.load_state_dict(scene.state_dict(), strict=False)
    for block in short.decoder[::2]:
        block.ls1.gamma.zero_()
    return short


def test_views_in_another_order_give_the_same_in_that_order(scene, tokens):
    network, order = thinned(scene, 3), [4, 0, 2, 5, 1, 3]
    expected = network.decode(tokens, GRID)[:, order]
    torch.testing.assert_close(network.decode(tokens[:, order], GRID), expected, atol=1e-4, rtol=1e-4)


def test_the_first_views_of_a_stream_are_decoded_exactly(scene, tokens):
    intrinsics = torch.tensor([[160.0, 0, 96], [0, 160, 72], [0, 0, 1]]).expand(1, 6, 3, 3)
    known = prepare((144, 192), intrinsics=intrinsics)
    hidden, left = scene.decode_next(tokens, GRID, known)
    torch.testing.assert_close(hidden, scene.decode(tokens, GRID, known), atol=1e-5, rtol=1e-5)
    assert left.shape == (1, 6, 2, 2, 4, 113, 32)


def test_later_views_see_what_earlier_ones_knew(scene, tokens):
    """A window in which earlier views do not look at later ones is what streaming computes."""
    _, left = scene.decode_next(tokens[:, :4], GRID)
    later, more = scene.decode_next(tokens[:, 4:], GRID, memory=left)
    again, _ = scene.decode_next(tokens[:, 4:], GRID, memory=torch.cat([left[:, 2:], left[:, :2]], 1))
    torch.testing.assert_close(again, later, atol=1e-5, rtol=1e-5)  # memory has no order
    alone, _ = scene.decode_next(tokens[:, 4:], GRID)
    exact = scene.decode(tokens, GRID)[:, 4:]
    assert (later - exact).norm() < (alone - exact).norm()
    one_by_one, _ = scene.decode_next(tokens[:, 4:], GRID, memory=left[:, :0])
    torch.testing.assert_close(one_by_one, alone, atol=1e-5, rtol=1e-5)
    assert more.shape[1] == 2


def test_half_precision_keeps_its_memory_in_half_precision(tokens):
    half = SceneNetwork(TINY_SCENE).eval().requires_grad_(False).set_precision('bf16')
    hidden, left = half.decode_next(tokens[:, :2], GRID)
    assert left.dtype == torch.bfloat16
    assert half.decode_next(tokens[:, 2:], GRID, memory=left)[0].isfinite().all()
    assert hidden.dtype == torch.float32


def flops(stage, *arguments, **options):
    with FlopCounterMode(display=False) as counter:
        stage(*arguments, **options)
    return counter.get_total_flops()


def test_less_work_is_done():
    with torch.device('meta'):
        exact, quarter = (SceneNetwork(replace(TINY_SCENE, key_step=step)).requires_grad_(False) for step in (1, 4))
        long = torch.empty(1, 100, 108, 128)
    assert flops(quarter.decode, long, GRID) < 0.4 * flops(exact.decode, long, GRID)
