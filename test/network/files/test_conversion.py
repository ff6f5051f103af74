import argparse
import functools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from chromm_ros.body.model import BodyModel
from chromm_ros.network import Calibration, Chromm
from chromm_ros.network.files import conversion, weight_file
from chromm_ros.network.files.public_files import read_multi_hmr
from chromm_ros.network.human.encoder import HumanEncoder
from chromm_ros.network.human.multi_hmr_head import MultiHmrHead
from chromm_ros.network.presets import (
    FULL_HUMAN,
    FULL_HUMAN_HEAD,
    FULL_SCENE,
    ChrommConfig,
    MultiHmrConfig,
)
from chromm_ros.network.scene.network import SceneNetwork

VIT = replace(FULL_SCENE.encoder, width=64, blocks=1, heads=2, position_grid=(4, 4))
SCENE = replace(
    FULL_SCENE,
    encoder=VIT,
    depth_encoder=replace(VIT, channels=2),
    pixel_limit=70 * 56,
    pose_injection=(1,),
    decoder_blocks=2,
    head_blocks=1,
    point_width=64,
    camera_width=16,
    metric_width=32,
    metric_heads=2,
)
HUMAN = replace(FULL_HUMAN, vit=replace(VIT, registers=0, position_resize='scale'), image_size=(56, 56))
HEAD = replace(FULL_HUMAN_HEAD, scene_dim=128, human_dim=64, fusion_hidden=32, dim=32, decoder_hidden=32)
PUBLIC_HEAD = MultiHmrConfig(token_dim=64, dim=32, layers=2, heads=2, head_dim=8)

CHROMM = ChrommConfig('full', SCENE, HUMAN, HEAD, detection_threshold=0.001)
MULTI_HMR = replace(CHROMM, human=HUMAN.resized(56, chromm_heads=False), human_head=PUBLIC_HEAD)
"""The full network in every part, but thin: the same classes, keys and code."""

LAYERS = {
    'self_norm': '0.norm',
    'self_qkv': '0.fn.to_qkv',
    'self_out': '0.fn.to_out.0',
    'cross_norm': '1.norm',
    'cross_q': '1.fn.to_q',
    'cross_kv': '1.fn.to_kv',
    'cross_out': '1.fn.to_out.0',
    'mlp_norm': '2.norm',
    'mlp.0': '2.fn.net.0',
    'mlp.2': '2.fn.net.3',
}


def convert(*files):
    return conversion.convert(*files, config=CHROMM, public_head=PUBLIC_HEAD)


def shaken(module):
    """A module whose zeros are no zeros any more, so that every tensor matters."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return module.eval()


def public_encoder_keys(encoder):
    prefixes = {'backbone.': 'backbone.encoder.', 'detection.': 'mlp_classif.', 'offset.': 'mlp_offset.'}
    return {
        public + key.removeprefix(own): value
        for key, value in encoder.state_dict().items()
        for own, public in prefixes.items()
        if key.startswith(own)
    }


def public_head_keys(head):
    state = {}
    for key, value in head.state_dict().items():
        if key.startswith('layers.'):
            _, number, rest = key.split('.', 2)
            rest, last = rest.rsplit('.', 1)
            key = f'transformer.transformer.layers.{number}.{LAYERS[rest]}.{last}'
        elif key.startswith(('pos_embedding', 'to_token_embedding')):
            key = f'transformer.{key}'
        state[f'x_attention_head.{key}'] = value
    return state


@pytest.fixture(scope='module')
def body():
    return BodyModel.load()


@pytest.fixture(scope='module')
def reference(body):
    """What the public weights below make of images, without any file in between."""
    torch.manual_seed(0)
    return shaken(Chromm(MULTI_HMR, body))


@pytest.fixture(scope='module')
def public(tmp_path_factory, reference):
    """Synthetic weights in the formats in which the public ones come."""
    folder = tmp_path_factory.mktemp('public')
    save_file(
        {key: value.contiguous() for key, value in reference.scene.state_dict().items()}, folder / 'pi3x.safetensors'
    )
    state = public_encoder_keys(reference.human_encoder) | public_head_keys(reference.multi_hmr_head)
    state['backbone.encoder.mask_token'] = torch.zeros(1, 64)
    state['x_attention_head.init_betas_kid'] = torch.zeros(1, 11)
    state['smpl_layer.neutral_10.bm_x.betas'] = torch.zeros(1, 10)  # the public file has such entries
    args = argparse.Namespace(backbone='dinov2_vitl14', img_size=[56], num_betas=10)
    torch.save({'epoch': 1, 'iter': 2, 'model_state_dict': state, 'args': args}, folder / 'multi_hmr.pt')
    return folder


@pytest.fixture(scope='module')
def heads(tmp_path_factory, body):
    """CHROMM heads as training writes them: a whole network of which only the heads matter."""
    torch.manual_seed(5)
    network = shaken(Chromm(CHROMM, body))
    path = tmp_path_factory.mktemp('heads') / 'heads.safetensors'
    network.save(path)
    return path


@pytest.fixture(scope='module')
def converted(public, heads):
    output = public / 'full.safetensors'
    convert(public / 'pi3x.safetensors', public / 'multi_hmr.pt', output, heads)
    return output


def loaded(config, path, body):
    with torch.device('meta'):
        network = Chromm(config, body)
    network.load(path)
    return network.eval()


def run(network):
    images = [np.random.default_rng(row).integers(0, 256, (84, 105, 3), np.uint8) for row in range(3)]
    intrinsics = np.stack([np.array([[90.0, 0, 52.5], [0, 90.0, 42], [0, 0, 1]])] * 3)
    poses = np.stack([np.eye(4)] * 3)
    poses[:, 0, 3] = [0, 1, 2]
    features = network.encode(images)
    geometry = network.decode(features, Calibration(intrinsics, None, poses, None))
    return geometry, network.people(features, geometry)


def test_the_converted_file_gives_the_same_numbers(public, converted, reference, body):
    network = loaded(MULTI_HMR, converted, body)
    assert network.trained
    for name, value in reference.state_dict().items():
        assert torch.equal(network.state_dict()[name], value), name
    # The weights lie elsewhere in memory, and kernels round by where their arguments begin.
    close = functools.partial(torch.testing.assert_close, rtol=0, atol=1e-5)
    (geometry, people), (expected_geometry, expected) = run(network), run(reference)
    close(geometry.local_points, expected_geometry.local_points)
    close(geometry.world_from_camera, expected_geometry.world_from_camera)
    assert people.valid.any()
    for name, value in vars(expected).items():
        if value is not None:
            pixels = name.endswith('_px')
            close(getattr(people, name), value, atol=1e-3 if pixels else 1e-5)


def test_the_same_file_runs_the_chromm_heads(converted, body):
    network = loaded(CHROMM, converted, body)
    assert not hasattr(network, 'multi_hmr_head')
    _, people = run(network)
    assert people.valid.any()


def test_the_card_names_every_part_its_file_and_its_licence(converted):
    card = weight_file.card(converted)
    parts = json.loads(card['parts'])
    assert [part['file'] for part in parts] == ['pi3x.safetensors', 'multi_hmr.pt', 'heads.safetensors']
    assert 'CC BY-NC 4.0' in parts[0]['licence']
    assert 'NAVER' in parts[1]['licence']
    assert all(len(part['sha256']) == 64 for part in parts)
    assert str(converted.parent) not in json.dumps(card)


def test_without_heads_the_file_runs_the_public_head_only(public, body):
    output = public / 'headless.safetensors'
    convert(public / 'pi3x.safetensors', public / 'multi_hmr.pt', output)
    assert loaded(MULTI_HMR, output, body).trained
    with pytest.raises(ValueError, match=r'CHROMM human head.*human_head .multi_hmr'):
        loaded(CHROMM, output, body)


def test_people_of_the_public_head_are_cut_out_of_the_scene(reference):
    geometry, people = run(reference)
    assert people.valid.any()
    assert geometry.human_mask.any()


def test_swapped_files_are_refused_by_name(public, tmp_path):
    with pytest.raises(ValueError, match=r'multi_hmr\.pt is not a complete safetensors file'):
        convert(public / 'multi_hmr.pt', public / 'multi_hmr.pt', tmp_path / 'out')
    with pytest.raises(ValueError, match=r'pi3x\.safetensors is not a Multi-HMR checkpoint'):
        convert(public / 'pi3x.safetensors', public / 'pi3x.safetensors', tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_foreign_tensors_are_named(public, tmp_path):
    foreign = tmp_path / 'foreign.safetensors'
    save_file({'encoder.pos_embed': torch.zeros(1, 2), 'stranger': torch.zeros(1)}, foreign)
    with pytest.raises(ValueError, match=r'foreign\.safetensors.*Pi3X') as error:
        convert(foreign, public / 'multi_hmr.pt', tmp_path / 'out')
    assert 'stranger' in str(error.value)
    assert 'encoder.pos_embed: (1, 2) instead of (1, 17, 64)' in str(error.value)


def test_another_backbone_is_refused(public, tmp_path):
    content = torch.load(public / 'multi_hmr.pt', weights_only=False)
    content['args'].backbone = 'dinov2_vits14'
    torch.save(content, tmp_path / 'small.pt')
    with pytest.raises(ValueError, match=r'dinov2_vits14.*dinov2_vitl14'):
        convert(public / 'pi3x.safetensors', tmp_path / 'small.pt', tmp_path / 'out')


class Bomb:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), 'w')


def test_code_in_a_checkpoint_is_never_run(tmp_path):
    content = {'model_state_dict': {}, 'args': argparse.Namespace(evil=Bomb(tmp_path / 'ran'))}
    torch.save(content, tmp_path / 'evil.pt')
    (tmp_path / 'ran').unlink(missing_ok=True)
    with pytest.raises(ValueError, match='would run code of the file, which is refused'):
        read_multi_hmr(tmp_path / 'evil.pt')
    assert not (tmp_path / 'ran').exists()


def test_a_truncated_checkpoint_is_refused(public, tmp_path):
    whole = (public / 'multi_hmr.pt').read_bytes()
    (tmp_path / 'half.pt').write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r'half\.pt is not a complete PyTorch file.*fetch it again') as error:
        read_multi_hmr(tmp_path / 'half.pt')
    assert 'internal' not in str(error.value), 'advice of PyTorch to its developers'


def test_some_other_pytorch_file_is_refused(tmp_path):
    torch.save({'weights': torch.zeros(2)}, tmp_path / 'other.pt')
    with pytest.raises(ValueError, match=r'no model_state_dict .*weights'):
        read_multi_hmr(tmp_path / 'other.pt')
    with pytest.raises(FileNotFoundError, match=r'absent\.pt'):
        read_multi_hmr(tmp_path / 'absent.pt')


def test_the_options_of_the_checkpoint_are_read(public):
    file = read_multi_hmr(public / 'multi_hmr.pt')
    assert file.options == {'backbone': 'dinov2_vitl14', 'img_size': [56], 'num_betas': 10}
    encoder, head = HumanEncoder(MULTI_HMR.human), MultiHmrHead(PUBLIC_HEAD, (4, 4))
    encoder.load_public(file.tensors)
    head.load_public(file.tensors)


def test_thin_networks_have_the_keys_of_the_full_ones(multi_hmr, public_shapes):
    full = json.loads((multi_hmr.FOLDER / 'state_dict_shapes.json').read_text())
    thin = public_head_keys(MultiHmrHead(PUBLIC_HEAD, (4, 4))) | {'x_attention_head.init_betas_kid': 0}
    assert set(thin) == {key for key in full if key.startswith('x_attention_head.')}
    names = {key.split('.')[0] for key in SceneNetwork(SCENE).state_dict()}
    assert names == {key.split('.')[0] for key in public_shapes}
