import torch

from chromm_ros.network.layers.rotary import Rotary2D
from chromm_ros.network.scene.heads import CameraHead, HeadTransformer, MetricDecoder, nearest_rotation


def test_head_transformer_equals_the_reference(tiny_modules):
    head = tiny_modules.fill(HeadTransformer(32, 64, 2, 2, 16), 'headdec')
    out = head(tiny_modules['headdec_in'], Rotary2D.at(tiny_modules['block_pos_yx'][0], 32))
    torch.testing.assert_close(out, tiny_modules['headdec_out'], rtol=0, atol=5e-5)


def test_metric_decoder_equals_the_reference(tiny_modules):
    decoder = tiny_modules.fill(MetricDecoder(32, 64, 2, 2, 16), 'metricdec')
    context = tiny_modules['headdec_in'].reshape(1, 16, 32)
    position = Rotary2D.at(tiny_modules['block_pos_yx'].flatten(0, 1), 32)
    out = decoder(tiny_modules['metricdec_query'], context, position)
    torch.testing.assert_close(out, tiny_modules['metricdec_out'], rtol=0, atol=5e-5)


def test_camera_head_equals_the_reference(tiny_modules):
    head = tiny_modules.fill(CameraHead(16), 'camhead')
    torch.testing.assert_close(head(tiny_modules['camhead_in']), tiny_modules['camhead_out'], rtol=0, atol=1e-5)


def test_nearest_rotation_equals_the_reference(tiny_modules):
    rotation = nearest_rotation(tiny_modules['svd_in'])
    torch.testing.assert_close(rotation, tiny_modules['svd_out'], rtol=0, atol=1e-5)


def test_nearest_rotation_is_a_rotation_and_keeps_rotations():
    numbers = torch.randn(100, 9, generator=torch.Generator().manual_seed(0))
    rotation = nearest_rotation(numbers)
    torch.testing.assert_close(rotation @ rotation.mT, torch.eye(3).expand(100, 3, 3), rtol=0, atol=1e-5)
    assert (torch.linalg.det(rotation) > 0).all()
    torch.testing.assert_close(nearest_rotation(3 * rotation.flatten(1)), rotation, rtol=0, atol=1e-5)


def test_nearest_rotation_has_gradients_where_it_is_the_identity():
    numbers = torch.eye(3).flatten()[None].requires_grad_()
    nearest_rotation(numbers)[:, 0, 1].sum().backward()
    assert numbers.grad.isfinite().all()
    assert numbers.grad.abs().max() > 0
