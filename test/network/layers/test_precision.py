import pytest
import torch

from chromm_ros.network.layers import precision


@pytest.mark.parametrize('name', ['fp32', 'bf16', 'fp16'])
def test_a_named_precision_is_taken_as_it_is(name):
    assert precision.chosen_precision(name, 'cpu') == name


def test_an_unknown_precision_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'fp8'; it must be one of fp32, bf16, fp16"):
        precision.chosen_precision('fp8', 'cpu')


@pytest.mark.parametrize(('capability', 'expected'), [((7, 5), 'fp32'), ((8, 0), 'bf16'), ((9, 0), 'bf16')])
def test_auto_is_bf16_on_a_gpu_that_has_it(monkeypatch, capability, expected):
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda device: capability)
    assert precision.chosen_precision('auto', 'cuda:0') == expected


@pytest.mark.parametrize(
    ('has', 'expected'), [((), 'fp32'), (('avx512_bf16',), 'bf16'), (('amx_tile',), 'bf16')], ids=str
)
def test_auto_is_bf16_on_a_cpu_that_multiplies_it_itself(monkeypatch, has, expected):
    for name in ('avx512_bf16', 'amx_tile'):
        monkeypatch.setattr(torch.cpu, f'_is_{name}_supported', lambda name=name: name in has, raising=False)
    assert precision.chosen_precision('auto', 'cpu') == expected


def test_auto_is_fp32_on_a_pytorch_that_cannot_say(monkeypatch):
    for name in ('avx512_bf16', 'amx_tile'):
        monkeypatch.delattr(torch.cpu, f'_is_{name}_supported', raising=False)
    assert precision.chosen_precision('auto', 'cpu') == 'fp32'
