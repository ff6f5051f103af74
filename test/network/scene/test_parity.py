"""The scene network at full size against the reference, with weights by rule."""

import json
from pathlib import Path

import pytest
import torch

from chromm_ros.network.scene.network import SceneNetwork

pytestmark = pytest.mark.slow

RULE = json.loads((Path(__file__).parents[1] / 'fixtures' / 'pi3x' / 'rule_check.json').read_text())
STEP = 3  # maps are stored at every third pixel,
TOKEN = 6  # activations at every sixth token, of the first view only
MAPS = {  # attribute: (name in the fixture, tolerance)
    'points': ('points', 1e-5),
    'local_points': ('local_points', 1e-6),
    'rays': ('rays', 1e-6),
    'confidence': ('conf', 1e-6),
}
MASK = torch.tensor([[True, True, False, False]])


WATCHED = (
    *(f'encoder{name}' for name in ('', '.patch_embed', '.blocks.0')),
    *(f'decoder.{index}' for index in (0, 1, 2, 9, 17, 34, 35)),
    *(f'pose_inject_blk.{index}' for index in range(5)),
    *(
        'depth_encoder',
        'ray_embed',
        'metric_decoder',
        'point_decoder',
        'camera_decoder',
        'conf_decoder',
        'point_head',
    ),
)


@pytest.fixture(scope='module')
def passes():
    """Outputs and activations of the cases that have run."""
    return {}


@pytest.fixture
def run(public_scene, passes, parity, parity_images, parity_depths):
    """Outputs and activations by module name of a case, whose conditions are those of the file names."""
    known = parity('known_calibration')
    calibration = {'intrinsics': known['input_intrinsics'], 'world_from_camera': known['input_poses']}
    depth_mask = {'depths': torch.tensor([[True, True, False, True]])}
    conditions = {
        'images_only': {},
        'known_calibration': calibration,
        'partial_masks': calibration | {'masks': {'intrinsics': MASK, 'world_from_camera': MASK}},
        'depth_and_calibration': calibration | {'depths': parity_depths, 'masks': depth_mask},
    }

    def network(case):
        if case not in passes:
            seen = {}
            hooks = [
                public_scene.get_submodule(name).register_forward_hook(
                    lambda _, __, out, name=name: seen.__setitem__(name, out)
                )
                for name in WATCHED
            ]
            with torch.no_grad():
                passes[case] = public_scene(parity_images, **conditions[case]), seen
            for hook in hooks:
                hook.remove()
        return passes[case]

    return network


@pytest.fixture
def close(parity):
    def check(case, found, name, atol):
        expected = parity(case)[name]
        torch.testing.assert_close(found.reshape(expected.shape), expected, rtol=0, atol=atol)

    return check


def test_weights_and_inputs_follow_the_rule(public_scene, parity_images):
    state = public_scene.state_dict() | {'input_imgs': parity_images}
    for key, expected in RULE.items():
        assert state[key].flatten()[: len(expected['first3'])].tolist() == expected['first3'], key
        assert state[key].double().sum().item() == pytest.approx(expected['sum_f64'], abs=1e-6), key


@pytest.mark.parametrize('case', ['images_only', 'known_calibration', 'partial_masks', 'depth_and_calibration'])
def test_outputs_equal_the_reference(run, parity, case):
    (out, _), expected = run(case), parity(case)
    for name, (key, atol) in MAPS.items():
        found = getattr(out, name)[:, :, ::STEP, ::STEP]
        torch.testing.assert_close(found, expected[f'out_{key}'], rtol=0, atol=atol)
    torch.testing.assert_close(out.world_from_camera, expected['out_camera_poses'], rtol=0, atol=1e-5)
    torch.testing.assert_close(out.metric_scale, expected['out_metric'], rtol=0, atol=1e-6)


def test_activations_of_images_alone(run, close):
    case = 'images_only'
    _, seen = run(case)
    close(case, seen['encoder.patch_embed'][0, ::TOKEN], 'encoder_patch_embed_img0', 1e-5)
    close(case, seen['encoder.blocks.0'][0, ::TOKEN], 'encoder_block0_img0', 1e-5)
    close(case, seen['encoder'][0, ::TOKEN], 'encoder_patchtokens_img0', 1e-5)
    for index in (0, 1, 2, 9, 17, 34, 35):
        tokens = seen[f'decoder.{index}'].flatten(0, -2)[:40]
        close(case, tokens[::TOKEN], f'decoder_block{index:02d}_img0', 5e-5)
    for name in ('point', 'camera', 'conf'):
        close(case, seen[f'{name}_decoder'][0, ::TOKEN], f'{name}_decoder_img0', 5e-5)
    close(case, seen['metric_decoder'], 'metric_decoder_out', 5e-5)
    close(case, seen['point_head'][0][0, :, ::STEP, ::STEP], 'point_head_xy_img0', 1e-6)
    close(case, seen['point_head'][1][0, :, ::STEP, ::STEP], 'point_head_z_img0', 1e-6)
    hidden = torch.cat([seen['decoder.34'].flatten(0, -2), seen['decoder.35'].flatten(0, -2)], -1)
    close(case, hidden, 'head_input_all', 5e-5)


def test_activations_of_a_known_calibration(run, close):
    _, seen = run('known_calibration')
    close('known_calibration', seen['ray_embed'][0, ::TOKEN], 'ray_embed_img0', 1e-5)
    for index in range(5):
        delta = seen[f'pose_inject_blk.{index}'][0, :35]
        close('known_calibration', delta[::TOKEN], f'pose_inject{index}_img0', 5e-5)


def test_activations_of_known_depth(run, close):
    _, seen = run('depth_and_calibration')
    tokens = seen['depth_encoder'][0, ::TOKEN]
    close('depth_and_calibration', tokens, 'depth_encoder_patchtokens_img0', 1e-5)


def test_permuting_the_views_permutes_the_outputs(public_scene, run, parity_images):
    order = torch.tensor([2, 0, 3, 1])
    out, _ = run('images_only')
    with torch.no_grad():
        moved = public_scene(parity_images[:, order])
    torch.testing.assert_close(moved.points, out.points[:, order], rtol=0, atol=1e-5)
    torch.testing.assert_close(moved.world_from_camera, out.world_from_camera[:, order], rtol=0, atol=1e-5)
    torch.testing.assert_close(moved.confidence, out.confidence[:, order], rtol=0, atol=1e-6)


def test_cached_features_give_the_window_from_scratch(public_scene, run, parity_images):
    whole, _ = run('images_only')
    with torch.no_grad():
        tokens = torch.cat([public_scene.encode(image[None]) for image in parity_images[0]])[None]
        new = public_scene.heads(public_scene.decode(tokens, (5, 7)), (5, 7), rows=[2, 3])
    torch.testing.assert_close(new.points, whole.points[:, 2:], rtol=0, atol=1e-5)
    torch.testing.assert_close(new.world_from_camera, whole.world_from_camera[:, 2:], rtol=0, atol=1e-5)
    torch.testing.assert_close(new.metric_scale, whole.metric_scale, rtol=0, atol=1e-6)


def test_known_poses_set_neither_scale_nor_world(public_scene, run, parity, parity_images):
    known = parity('known_calibration')
    other = known['input_poses'].clone()
    other[..., :3, 3] *= 7.3
    other = torch.linalg.inv(known['input_poses'][:, 1:2]) @ other
    with torch.no_grad():
        moved = public_scene(parity_images, known['input_intrinsics'], other)
    torch.testing.assert_close(moved.points, run('known_calibration')[0].points, rtol=0, atol=1e-5)


def test_public_weights_may_lack_the_two_constants_only(public_scene, public_shapes):
    state = dict(public_scene.state_dict())
    assert len(state) == len(public_shapes) == 1873
    fresh = SceneNetwork.full(device='meta')
    fresh.load_public({key: value for key, value in state.items() if key not in ('image_mean', 'image_std')})
    torch.testing.assert_close(fresh.image_mean, public_scene.image_mean)
    assert not any(tensor.is_meta for tensor in fresh.state_dict().values())
