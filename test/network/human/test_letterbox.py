import numpy as np
import pytest
import torch

from chromm_ros.network.human.letterbox import Letterbox


@pytest.mark.parametrize('case', ['land', 'port', 'odd'])
def test_photo_equals_multi_hmr(multi_hmr, case):
    arrays = multi_hmr.arrays('preproc_mhmr')
    image = arrays[f'{case}.img'].numpy()
    padded = Letterbox(image.shape[:2], (140, 140)).place_photo(image)
    np.testing.assert_array_equal(padded, arrays[f'{case}.padded'].numpy())


@pytest.mark.parametrize('case', ['land', 'port', 'square'])
def test_placing_and_pixels_equal_human3r(multi_hmr, case):
    arrays = multi_hmr.arrays('preproc_h3r')
    image = arrays[f'{case}.img']
    height, width = image.shape[-2:]
    letterbox = Letterbox((height, width), (56, 56))
    # the reference works in [-1, 1]
    torch.testing.assert_close(letterbox.place(image / 2 + 0.5) * 2 - 1, arrays[f'{case}.pad56'], atol=1e-6, rtol=0)
    torch.testing.assert_close(letterbox.intrinsics(arrays[f'{case}.K']), arrays[f'{case}.K_mhmr'], atol=1e-5, rtol=0)
    pixels = letterbox.to_image(arrays[f'{case}.uv_mhmr'])
    clamped = torch.minimum(pixels.clamp(min=0), torch.tensor([width - 1.0, height - 1.0]))
    torch.testing.assert_close(clamped, arrays[f'{case}.uv_scene'], atol=1e-5, rtol=0)


@pytest.mark.parametrize('case', ['pi3_504x504', 'pi3_378x672', 'h3r_288x512', 'port_672x378'])
def test_correspondence_of_patches_equals_human3r(multi_hmr, case):
    arrays = multi_hmr.arrays('patch_correspondence')
    height, width = arrays[f'{case}.hw'].tolist()
    pixels = Letterbox((height, width), (896, 896)).to_image(arrays[f'{case}.uv896'])
    clamped = torch.minimum(pixels.clamp(min=0), torch.tensor([width - 1.0, height - 1.0]))
    torch.testing.assert_close(clamped, arrays[f'{case}.uv'], atol=1e-4, rtol=0)


@pytest.mark.parametrize('image', [(378, 672), (672, 378), (144, 192), (101, 77)])
@pytest.mark.parametrize('canvas', [(896, 896), (144, 192), (504, 896)])
def test_pixels_there_and_back(image, canvas):
    letterbox = Letterbox(image, canvas)
    pixels = torch.rand(50, 2) * 2000 - 500
    torch.testing.assert_close(letterbox.to_image(letterbox.to_canvas(pixels)), pixels, atol=1e-3, rtol=1e-5)


def test_a_pixel_keeps_its_colour():
    letterbox = Letterbox((40, 80), (96, 96))
    image = torch.zeros(1, 3, 40, 80)
    image[..., 20:24, 60:64] = 1
    column, row = letterbox.to_canvas(torch.tensor([62.0, 22.0])).floor().long().tolist()
    assert letterbox.place(image)[0, 0, row, column] > 0.9


def test_crop_undoes_the_padding():
    letterbox = Letterbox((20, 40), (40, 40))
    image = torch.rand(1, 3, 20, 40)
    torch.testing.assert_close(letterbox.crop(letterbox.place(image)), image)


def test_padding_is_black_and_does_not_hold_pixels():
    letterbox = Letterbox((20, 40), (40, 40))
    placed = letterbox.place(torch.ones(1, 3, 20, 40))
    assert placed[..., :10, :].sum() == 0
    assert placed[..., 30:, :].sum() == 0
    assert not letterbox.holds(torch.tensor([20.0, 5.0]))
    assert letterbox.holds(torch.tensor([20.0, 15.0]))


def test_an_image_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r'\(10, 40\).*\(20, 40\)'):
        Letterbox((20, 40), (40, 40)).place(torch.ones(1, 3, 10, 40))
