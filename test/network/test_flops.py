"""The work of every stage, counted without doing it: caches and skipped heads have to really remove work."""

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from chromm_ros.network.human.encoder import HumanEncoder
from chromm_ros.network.scene.network import SceneNetwork

GRID = (27, 48)  # 378x672, what 16:9 cameras become
TERA = 1e12


@pytest.fixture(scope='module')
def scene():
    return SceneNetwork.full(device='meta').eval().requires_grad_(False)


@pytest.fixture(scope='module')
def human():
    with torch.device('meta'):
        return HumanEncoder.full(image_size=896).eval().requires_grad_(False)


def flops(stage, *arguments, **options):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        stage(*arguments, **options)
    return counter.get_total_flops() / TERA


def meta(*shape):
    return torch.empty(shape, device='meta')


def window(scene, human, new, frames):
    """TFLOP of a window of which ``new`` frames are new: their encoders and heads, the decoder over all."""
    hidden = meta(1, frames, 5 + GRID[0] * GRID[1], 2048)
    return (
        flops(scene.encode, meta(new, 3, 378, 672))
        + flops(human.tokens, meta(new, 3, 896, 896))
        + flops(scene.decode, meta(1, frames, GRID[0] * GRID[1], 1024), GRID)
        + flops(scene.heads, hidden, GRID, rows=list(range(frames - new, frames)))
    )


@pytest.mark.parametrize(
    ('new', 'frames', 'expected'),
    [(4, 4, 30.0), (100, 100, 1948), (4, 16, 75.6), (4, 20, 98.8), (4, 32, 192.3)],
    ids=['4x1', '4x25', 'cached 4x4', 'cached 4x5', 'cached 4x8'],
)
def test_windows_cost_what_the_architecture_says(scene, human, new, frames, expected):
    assert window(scene, human, new, frames) == pytest.approx(expected, rel=0.02)


def streaming_step(scene, human, new, earlier):
    """TFLOP of ``new`` frames that see what ``earlier`` ones left behind."""
    tokens, memory = meta(1, new, 1296, 1024), meta(1, earlier, 18, 2, 16, 1301, 64)
    return (
        flops(scene.encode, meta(new, 3, 378, 672))
        + flops(human.tokens, meta(new, 3, 896, 896))
        + flops(scene.decode_next, tokens, GRID, memory=memory)
        + flops(scene.heads, meta(1, new, 1301, 2048), GRID)
    )


@pytest.mark.parametrize(('steps', 'expected'), [(5, 38.0), (8, 44.0)])
def test_a_streaming_step_costs_its_own_images(scene, human, steps, expected):
    assert streaming_step(scene, human, 4, 4 * (steps - 1)) == pytest.approx(expected, rel=0.02)


def test_every_fourth_key_leaves_a_quarter_of_the_global_work(scene):
    with torch.device('meta'):
        thinned = SceneNetwork(replace(scene.config, key_step=4)).eval().requires_grad_(False)
    frames = 8
    tokens = meta(1, frames, 1296, 1024)
    exact, quarter = (flops(network.decode, tokens, GRID) for network in (scene, thinned))
    alone = frames * (1.179 + 0.125)
    seen = frames * (5 + 324) + 972  # registers and every fourth patch of all, and all of the own
    assert exact - alone == pytest.approx(frames**2 * 0.1248, rel=0.02)
    assert quarter - alone == pytest.approx(frames**2 * 0.1248 * seen / (frames * 1301), rel=0.02)


def test_stages_cost_what_the_architecture_says(scene):
    hidden = meta(1, 4, 1301, 2048)
    assert flops(scene.encode, meta(1, 3, 378, 672)) == pytest.approx(0.954, rel=0.02)
    assert flops(scene.decode, meta(1, 1, 1296, 1024), GRID) == pytest.approx(1.179 + 0.125 + 0.1248, rel=0.02)
    assert flops(scene.heads, hidden, GRID) == pytest.approx(4 * (0.207 + 0.205 + 0.010 + 0.190), rel=0.02)
    confidence = flops(scene.heads, hidden, GRID, with_confidence=True) - flops(scene.heads, hidden, GRID)
    assert confidence == pytest.approx(4 * 0.387, rel=0.02)


def test_heads_cost_what_is_asked_of_them(scene):
    hidden = meta(1, 16, 1301, 2048)
    one, four = (flops(scene.heads, hidden, GRID, rows=list(range(count))) for count in (1, 4))
    assert four - one == pytest.approx(3 * (0.207 + 0.205 + 0.190), rel=0.02)
