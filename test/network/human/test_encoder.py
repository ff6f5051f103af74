import json

import pytest
import torch

from chromm_ros.network.human.encoder import HumanEncoder


@pytest.fixture(scope='module')
def encoder():
    torch.manual_seed(0)
    return HumanEncoder.tiny().eval()


@torch.no_grad()
def test_shapes(encoder):
    tokens = encoder.tokens(torch.rand(2, 3, 144, 192))
    assert tokens.shape == (2, 108, 128)
    assert encoder.detection_logits(tokens).shape == (2, 108)
    assert encoder.offsets(tokens).shape == (2, 108, 2)
    assert encoder.mask_logits(tokens).shape == (2, 144, 192)


@torch.no_grad()
def test_a_row_depends_on_its_image_alone(encoder):
    images = torch.rand(3, 3, 144, 192)
    together, alone = encoder.tokens(images), encoder.tokens(images[1:2])
    torch.testing.assert_close(together[1:2], alone, atol=1e-5, rtol=1e-5)


def test_wrong_size_says_how_to_mend_it(encoder):
    with pytest.raises(ValueError, match=r'\(144, 192\).*\(100, 192\).*Letterbox'):
        encoder.tokens(torch.rand(1, 3, 100, 192))


@pytest.mark.parametrize(
    ('images', 'message'),
    [
        (torch.full((2, 3, 144, 192), torch.nan), 'contain NaN'),
        (torch.full((1, 3, 144, 192), 255.0), r'lie in \[255, 255\]'),
        (torch.full((1, 3, 144, 192), -1.0), r'lie in \[-1, -1\]'),
        (torch.zeros(1, 3, 144, 192, dtype=torch.uint8), 'divide uint8 by 255'),
        (torch.zeros(3, 144, 192), r'expected \(B, 3, H, W\)'),
        (torch.zeros(0, 3, 144, 192), 'at least one image'),
        (torch.zeros(1, 4, 144, 192), 'shape'),
    ],
)
def test_wrong_images_are_refused(encoder, images, message):
    with pytest.raises(ValueError, match=message):
        encoder.tokens(images)


def test_size_that_is_no_whole_patches_is_refused():
    with pytest.raises(ValueError, match='14x14'), torch.device('meta'):
        HumanEncoder.full(image_size=900)


def test_pixels_of_heads(encoder):
    pixels = encoder.head_pixels(torch.tensor([0, 13]), torch.tensor([[0.0, 0.0], [0.25, -0.5]]))
    assert pixels.tolist() == [[8.0, 8.0], [28.0, 16.0]]


def test_everything_is_trained_by_a_loss_on_everything():
    encoder = HumanEncoder.tiny()
    with torch.autocast('cpu', torch.bfloat16):
        tokens = encoder.tokens(torch.rand(2, 3, 144, 192))
        head = tokens[[0, 1], [20, 30]]
        coarse = encoder.pelvis.coarse_px(head, torch.tensor([[50.0, 40.0], [80.0, 70.0]]))
        fine = encoder.pelvis.fine_px(head, head, torch.tensor([20, 30]))
        outputs = [encoder.detection_logits(tokens), encoder.offsets(tokens), encoder.mask_logits(tokens)]
    assert all(output.dtype == torch.float32 for output in (*outputs, coarse, fine))
    sum(output.square().mean() for output in (*outputs, coarse, fine)).backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in encoder.parameters())


@torch.no_grad()
def test_half_precision_keeps_the_heads_exact():
    torch.manual_seed(0)
    encoder = HumanEncoder.tiny().eval()
    images = torch.rand(2, 3, 144, 192)
    exact = encoder.detection_logits(encoder.tokens(images))
    encoder.set_precision('bf16')
    assert encoder.backbone.blocks[0].mlp.fc1.weight.dtype == torch.bfloat16
    assert encoder.detection[0].weight.dtype == torch.float32
    half = encoder.detection_logits(encoder.tokens(images))
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, exact, atol=0.1, rtol=0)


def test_public_keys_fill_exactly_the_public_part(multi_hmr):
    with torch.device('meta'):
        encoder = HumanEncoder.full(image_size=140)
    encoder.load_public(public_state(multi_hmr))
    assert encoder.mask.mlp.fc1.weight.is_meta


def test_a_missing_and_a_misshaped_key_are_named(multi_hmr):
    with torch.device('meta'):
        state = public_state(multi_hmr)
        encoder = HumanEncoder.full(image_size=140)
        del state['mlp_classif.2.bias']
        state['mlp_offset.2.weight'] = torch.zeros(3, 1024)
        state['backbone.encoder.register_tokens'] = torch.zeros(1, 4, 1024)
    with pytest.raises(ValueError, match=r'detection\.2\.bias') as error:
        encoder.load_public(state)
    assert 'offset.2.weight: (3, 1024) instead of (2, 1024)' in str(error.value)
    assert 'backbone.register_tokens' in str(error.value)


def public_state(multi_hmr):
    """Shapes of the public checkpoint, without numbers."""
    shapes = json.loads((multi_hmr.FOLDER / 'state_dict_shapes.json').read_text())
    return {key: torch.empty(shape, device='meta') for key, shape in shapes.items()}
