import pytest
import torch

from chromm_ros.network.layers.vit import ViT
from chromm_ros.network.presets import TINY_ENCODER, ViTConfig

SMALL = ViTConfig(width=32, blocks=2, heads=2, patch=14, position_grid=(4, 4), registers=4)


@pytest.mark.parametrize('case', ['interp', 'native'])
def test_equals_dinov2_with_registers(tiny_modules, case):
    vit = tiny_modules.fill(ViT(SMALL), 'vit')
    out = vit(tiny_modules[f'vit_{case}_in'])
    torch.testing.assert_close(out, tiny_modules[f'vit_{case}_out'], rtol=0, atol=1e-5)


def test_convolution_stem_makes_one_token_per_patch():
    vit = ViT(TINY_ENCODER).eval()
    assert vit(torch.rand(2, 3, 144, 192)).shape == (2, 108, 128)
    assert vit(torch.rand(1, 3, 192, 144)).shape == (1, 108, 128)


def test_each_image_is_on_its_own():
    vit = ViT(TINY_ENCODER).eval()
    images = torch.rand(3, 3, 144, 192)
    torch.testing.assert_close(vit(images)[1:2], vit(images[1:2]), rtol=0, atol=1e-5)


def test_the_learned_grid_is_used_as_it_is():
    vit = ViT(TINY_ENCODER)
    assert vit.patch_positions((9, 12)).data_ptr() == vit.pos_embed.data_ptr()
    assert vit.patch_positions((12, 9)).shape == (1, 108, 128)


def test_a_size_of_broken_patches_is_refused_with_a_size_that_works():
    with pytest.raises(ValueError, match=r'100x98 .* 14x14 px patches; .* 98x98'):
        ViT(SMALL)(torch.rand(1, 3, 100, 98))


def test_a_stem_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"stem 'convolution' with patches of 14 px; expected"):
        ViT(ViTConfig(width=32, blocks=1, heads=2, patch=14, position_grid=(4, 4), stem='convolution'))
