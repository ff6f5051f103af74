import pytest
import torch
from safetensors.torch import save_file

from chromm_ros.body.model import BodyModel
from chromm_ros.network import Chromm
from chromm_ros.network.commands import weights_check, weights_list
from chromm_ros.network.files import weight_file
from chromm_ros.network.presets import FULL, TINY


@pytest.fixture(scope='module')
def body():
    return BodyModel.load()


@pytest.fixture(scope='module')
def network(body):
    torch.manual_seed(0)
    return Chromm(TINY, body).eval()


@pytest.fixture
def saved(network, tmp_path):
    path = tmp_path / 'tiny.safetensors'
    network.trained = True
    network.save(path, {'about': 'a test'})
    return path


def test_saving_and_loading_keeps_the_numbers_to_half_precision(network, saved, body):
    again = Chromm.from_preset('tiny', weights=saved, body=body)
    assert again.trained
    state = again.state_dict()
    for key, value in network.state_dict().items():
        assert state[key].dtype == value.dtype
        torch.testing.assert_close(state[key], value, atol=1e-6, rtol=1e-3)


def test_the_file_is_half_as_large_and_says_what_it_is(network, saved):
    numbers = sum(tensor.numel() for tensor in network.state_dict().values())
    assert saved.stat().st_size < 2.2 * numbers
    assert weight_file.card(saved)['about'] == 'a test'
    assert weight_file.card(saved)['preset'] == 'tiny'


def test_an_untrained_network_says_so(body, tmp_path):
    network = Chromm(TINY, body)
    network.save(tmp_path / 'random.safetensors')
    assert not network.trained
    assert not Chromm.from_preset('tiny', weights=tmp_path / 'random.safetensors', body=body).trained


def test_values_that_half_precision_would_lose_stay_exact():
    assert weight_file.halved(torch.tensor([1e6])).dtype == torch.float32
    assert weight_file.halved(torch.tensor([0.1, -3.0])).dtype == torch.float16
    assert weight_file.halved(torch.tensor([7])).dtype == torch.int64


def test_a_truncated_file_is_refused(saved, body, tmp_path):
    half = tmp_path / 'half.safetensors'
    half.write_bytes(saved.read_bytes()[: saved.stat().st_size // 2])
    with pytest.raises(ValueError, match=r'half\.safetensors is not a complete safetensors file'):
        Chromm.from_preset('tiny', weights=half, body=body)


def test_an_interrupted_write_leaves_no_file(network, tmp_path, monkeypatch):
    def interrupted(*arguments, **options):
        raise OSError('No space left on device')

    monkeypatch.setattr(weight_file, 'save_file', interrupted)
    with pytest.raises(OSError, match='No space'):
        network.save(tmp_path / 'tiny.safetensors')
    assert not (tmp_path / 'tiny.safetensors').exists()


def test_a_foreign_file_is_refused(body, tmp_path):
    save_file({'x': torch.zeros(1)}, tmp_path / 'foreign.safetensors')
    with pytest.raises(ValueError, match=r'not written by this package.*chromm weights convert'):
        Chromm.from_preset('tiny', weights=tmp_path / 'foreign.safetensors', body=body)


def test_an_absent_file_is_named(body, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'absent\.safetensors'):
        Chromm.from_preset('tiny', weights=tmp_path / 'absent.safetensors', body=body)


def test_weights_of_another_preset_are_refused(saved, body):
    with torch.device('meta'):
        full = Chromm(FULL, body)
    with pytest.raises(ValueError, match="preset 'tiny', not 'full'"):
        full.load(saved)


def test_missing_unexpected_and_misshaped_keys_are_named(saved, body, tmp_path):
    tensors, card = weight_file.read(saved)
    del tensors['human_head.fuse.0.bias'], card['format']
    tensors['human_encoder.offset.2.bias'] = torch.zeros(5)
    tensors['scene.surplus'] = torch.zeros(1)
    weight_file.write(tmp_path / 'wrong.safetensors', tensors, card)
    with pytest.raises(ValueError, match='does not fit') as error:
        Chromm.from_preset('tiny', weights=tmp_path / 'wrong.safetensors', body=body)
    for part in ('human_head.fuse.0.bias', 'scene.surplus', 'human_encoder.offset.2.bias: (5,) instead of (2,)'):
        assert part in str(error.value)


def test_the_check_command(saved, body, tmp_path, capsys):
    assert weights_check(saved, 'tiny') == 0
    tensors, card = weight_file.read(saved)
    tensors['human_head.fuse.0.bias'][0] = torch.nan
    del card['format']
    weight_file.write(tmp_path / 'nan.safetensors', tensors, card)
    assert weights_check(tmp_path / 'nan.safetensors', 'tiny') == 1
    assert 'human_head.fuse.0.bias' in capsys.readouterr().out


def test_the_list_command(saved, capsys):
    weights_list(saved)
    shown = capsys.readouterr().out
    assert 'about: a test' in shown
    assert 'human_head.fuse' in shown
    weights_list()
    shown = capsys.readouterr().out
    assert 'multiHMR_896_L.pt' in shown
    assert 'CC BY-NC 4.0' in shown


@pytest.mark.parametrize('form', ['residual', 'gated', 'direct', 'translation'])
def test_weights_say_by_their_names_how_they_place_people(body, tmp_path, form):
    file = tmp_path / 'variant.safetensors'
    Chromm(TINY.with_depth_form(form), body).save(file)
    assert Chromm.from_preset('tiny', file, body=body).config.human_head.depth == form
