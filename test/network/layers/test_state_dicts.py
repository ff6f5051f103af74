import pytest
import torch
from torch import nn

from chromm_ros.network.layers.state_dicts import compare, listed, load_checked, renamed


def test_compare_names_every_kind_of_mismatch():
    mismatch = compare({'a': (1,), 'c': (2, 3)}, {'a': (1,), 'b': (4,), 'c': (3, 2)})
    assert mismatch.missing == ('b',)
    assert mismatch.unexpected == ()
    assert mismatch.misshaped == ('c: (2, 3) instead of (3, 2)',)
    assert mismatch
    assert not compare({'a': (1,)}, {'a': (1,)})


def test_long_lists_are_counted():
    assert listed(f'key{n}' for n in range(20)).endswith('key7, ... and 12 more')


def test_renamed_takes_only_what_begins_with_a_prefix():
    state = {'one.a': torch.zeros(1), 'two.a': torch.ones(1), 'three.a': torch.ones(1)}
    assert set(renamed(state, {'one.': 'x.', 'two.': 'y.'})) == {'x.a', 'y.a'}


def test_a_module_on_the_meta_device_takes_the_tensors_themselves():
    state = {'weight': torch.rand(2, 3), 'bias': torch.rand(2)}
    with torch.device('meta'):
        module = nn.Linear(3, 2)
    load_checked(module, state, 'test')
    assert module.weight.data_ptr() == state['weight'].data_ptr()


def test_a_part_may_be_left_out_and_nothing_else():
    module = nn.ModuleDict({'given': nn.Linear(1, 1), 'other': nn.Linear(1, 1)})
    kept = module['other'].weight.clone()
    state = {'given.weight': torch.full((1, 1), 7.0), 'given.bias': torch.zeros(1)}
    load_checked(module, state, 'test', without=('other.',))
    assert module['given'].weight.item() == 7
    assert torch.equal(module['other'].weight, kept)
    with pytest.raises(ValueError, match=r'other\.weight'):
        load_checked(module, state, 'test')
