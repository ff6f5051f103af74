import pytest
import torch

from chromm_ros.network.layers import attention
from chromm_ros.network.layers.attention import Block, attend
from chromm_ros.network.layers.rotary import Rotary2D


@pytest.fixture
def block(tiny_modules):
    return tiny_modules.fill(Block(64, 2, qk_norm=True, layer_scale=1.0), 'block')


@pytest.fixture
def position(tiny_modules):
    return Rotary2D.at(tiny_modules['block_pos_yx'][0], 32)


def test_block_equals_the_reference(tiny_modules, block, position):
    torch.testing.assert_close(
        block(tiny_modules['block_in'], position), tiny_modules['block_out'], rtol=0, atol=5e-5
    )


def test_epsilon_of_block_norms(tiny_modules, block, position):
    out = block(tiny_modules['block_smallin_in'], position)
    torch.testing.assert_close(out, tiny_modules['block_smallin_out'], rtol=0, atol=5e-5)
    block.norm1.eps = block.norm2.eps = 1e-5
    assert (block(tiny_modules['block_smallin_in'], position) - out).abs().max() > 1e-3


def test_epsilon_of_query_and_key_norms(tiny_modules, block, position):
    with torch.no_grad():
        block.attn.qkv.weight[:128] *= 1e-3
        block.attn.qkv.bias[:128] *= 1e-3
    out = block(tiny_modules['block_in'], position)
    torch.testing.assert_close(out, tiny_modules['block_smallqk_out'], rtol=0, atol=5e-5)
    block.attn.q_norm.eps = block.attn.k_norm.eps = 1e-6
    assert (block(tiny_modules['block_in'], position) - out).abs().max() > 1e-3


@pytest.mark.parametrize('tokens', [17, attention.LONGEST_EXPLICIT + 1])
def test_half_precision_training_on_a_cpu_computes_the_same_attention(tokens):
    q, k, v = torch.randn(3, 2, 2, tokens, 16, generator=torch.Generator().manual_seed(0))
    halves = [x.bfloat16().requires_grad_() for x in (q, k, v)]
    out = attend(*halves)
    out.float().square().sum().backward()
    assert out.dtype is torch.bfloat16
    torch.testing.assert_close(out.float(), attend(q, k, v), rtol=0, atol=0.03)
    assert all(x.grad.isfinite().all() for x in halves)


def test_attention_without_positions_ignores_the_order_of_tokens():
    q, k, v = torch.randn(3, 1, 2, 9, 8, generator=torch.Generator().manual_seed(0))
    order = torch.randperm(9, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(attend(q, k[:, :, order], v[:, :, order]), attend(q, k, v))
