import torch

from chromm_ros.network.layers import convolution_head
from chromm_ros.network.layers.convolution_head import ConvolutionHead, view_plane


def test_equals_the_reference(tiny_modules):
    head = tiny_modules.fill(ConvolutionHead(16, (2, 1), 14, widths=(32, 32, 16), output_width=8), 'convhead')
    xy, z = head(tiny_modules['convhead_in'], (2, 3))
    torch.testing.assert_close(xy, tiny_modules['convhead_out0'], rtol=0, atol=1e-3)
    torch.testing.assert_close(z, tiny_modules['convhead_out1'], rtol=0, atol=1e-3)


def test_view_plane_equals_the_reference(tiny_modules):
    torch.testing.assert_close(view_plane(6, 4, 1.5), tiny_modules['uv_w6_h4_aspect1.5'], rtol=0, atol=1e-6)


def test_chunks_do_not_change_the_numbers(monkeypatch):
    monkeypatch.setattr(convolution_head, 'CHUNK', 2)
    head = ConvolutionHead(16, (1,), 14, widths=(32, 32, 16), output_width=8)
    tokens = torch.randn(5, 6, 16)
    with torch.no_grad():
        (chunked,) = head(tokens, (2, 3))
    (whole,) = head(tokens, (2, 3))
    torch.testing.assert_close(chunked, whole, rtol=0, atol=1e-5)


def test_stays_in_fp32_under_autocast():
    head = ConvolutionHead(16, (1,), 14, widths=(32, 32, 16), output_width=8)
    tokens = torch.randn(1, 6, 16)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        (half,) = head(tokens.bfloat16(), (2, 3))
    torch.testing.assert_close(half, head(tokens.bfloat16().float(), (2, 3))[0], rtol=0, atol=0)
