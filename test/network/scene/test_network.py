from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from chromm_ros.network.presets import TINY_ENCODER, TINY_SCENE
from chromm_ros.network.scene.conditions import prepare
from chromm_ros.network.scene.network import SceneNetwork

GRID = (9, 12)


@pytest.fixture
def images():
    return torch.rand((1, 3, 3, 144, 192), generator=torch.Generator().manual_seed(0))


@pytest.fixture
def intrinsics():
    return torch.tensor([[160.0, 0.0, 96.0], [0.0, 160.0, 72.0], [0.0, 0.0, 1.0]]).expand(1, 3, 3, 3)


@pytest.fixture
def calls(tiny_scene):
    """Names of the modules that ran."""
    names = set()
    for name, module in tiny_scene.named_modules():
        module.register_forward_hook(lambda *_, name=name: names.add(name))
    return names


@pytest.fixture
def posed_scene():
    """A tiny network that takes poses and depth too, with conditions loud enough to matter."""
    torch.manual_seed(0)
    depth_encoder = replace(TINY_ENCODER, channels=2)
    scene = SceneNetwork(replace(TINY_SCENE, pose_injection=(1, 3), depth_encoder=depth_encoder)).eval()
    for block in scene.pose_inject_blk:
        torch.nn.init.ones_(block.ls1.gamma)
    return scene


def rig(views):
    """(1, views, 4, 4) cameras in a row."""
    poses = torch.eye(4).repeat(1, views, 1, 1)
    poses[0, :, 0, 3] = torch.arange(views)
    return poses


@torch.no_grad()
def test_parts_of_the_geometry_fit_together(tiny_scene, images, intrinsics):
    out = tiny_scene(images, intrinsics=intrinsics)
    assert out.points.shape == out.local_points.shape == out.rays.shape == (1, 3, 144, 192, 3)
    assert out.confidence.shape == (1, 3, 144, 192, 1)
    assert out.tokens.shape == (1, 3, 108, 256)
    assert out.metric_scale.shape == (1,)
    assert (out.depth > 0).all()
    rotation, centre = out.world_from_camera[..., :3, :3], out.world_from_camera[..., :3, 3]
    points = torch.einsum('bnij,bnhwj->bnhwi', rotation, out.local_points) + centre[:, :, None, None]
    torch.testing.assert_close(out.points, points)
    along = torch.linalg.cross(out.rays, out.local_points).norm(dim=-1) / out.depth
    assert along.max() < 1e-5
    torch.testing.assert_close(out.rays.norm(dim=-1), torch.ones(1, 3, 144, 192))


@torch.no_grad()
def test_permuting_the_views_permutes_the_outputs(tiny_scene, images, intrinsics):
    order = [2, 0, 1]
    out = tiny_scene(images, intrinsics=intrinsics)
    moved = tiny_scene(images[:, order], intrinsics=intrinsics[:, order])
    torch.testing.assert_close(moved.points, out.points[:, order], rtol=0, atol=1e-4)
    torch.testing.assert_close(moved.confidence, out.confidence[:, order], rtol=0, atol=1e-4)
    torch.testing.assert_close(moved.metric_scale, out.metric_scale, rtol=0, atol=1e-5)


@torch.no_grad()
def test_cached_features_and_heads_on_some_rows_change_nothing(tiny_scene, images):
    whole = tiny_scene(images)
    tokens = torch.cat([tiny_scene.encode(image[None]) for image in images[0]])[None]
    hidden = tiny_scene.decode(tokens, GRID)
    rows = tiny_scene.heads(hidden, GRID, rows=[2, 0])
    torch.testing.assert_close(rows.points, whole.points[:, [2, 0]], rtol=0, atol=1e-5)
    torch.testing.assert_close(rows.world_from_camera, whole.world_from_camera[:, [2, 0]], rtol=0, atol=1e-5)
    torch.testing.assert_close(rows.metric_scale, whole.metric_scale, rtol=0, atol=1e-5)


@torch.no_grad()
def test_samples_of_a_batch_do_not_see_each_other(tiny_scene, images):
    alone = tiny_scene(images)
    both = tiny_scene(torch.cat([images.flip(-1), images]))
    torch.testing.assert_close(both.points[1:], alone.points, rtol=0, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize('size', [(144, 192), (192, 144), (16, 16)])
def test_one_image_of_any_whole_number_of_patches(tiny_scene, size):
    out = tiny_scene(torch.rand(1, 1, 3, *size))
    assert out.points.shape == (1, 1, *size, 3)
    assert out.points.isfinite().all()


@torch.no_grad()
def test_what_is_not_asked_for_does_not_run(tiny_scene, images, calls):
    out = tiny_scene(images, with_confidence=False)
    assert out.confidence is None
    assert not {name for name in calls if name.startswith(('conf_', 'ray_embed'))}
    assert {'point_head', 'camera_head', 'metric_decoder'} <= calls


@torch.no_grad()
def test_a_masked_condition_is_no_condition(posed_scene, images, intrinsics):
    off = torch.zeros(1, 3, dtype=torch.bool)
    masks = dict.fromkeys(('intrinsics', 'world_from_camera', 'depths'), off)
    depths = torch.ones(1, 3, 144, 192)
    masked = posed_scene(images, intrinsics, rig(3), depths, masks)
    torch.testing.assert_close(masked.points, posed_scene(images).points, rtol=0, atol=0)


@torch.no_grad()
@pytest.mark.parametrize('kind', ['intrinsics', 'world_from_camera', 'depths'])
def test_conditions_reach_the_output_and_a_full_mask_is_no_mask(posed_scene, images, intrinsics, kind):
    value = {
        'intrinsics': intrinsics,
        'world_from_camera': rig(3),
        'depths': torch.rand(1, 3, 144, 192) + 1,
    }[kind]
    out = posed_scene(images, **{kind: value})
    on = torch.ones(1, 3, dtype=torch.bool)
    torch.testing.assert_close(posed_scene(images, **{kind: value}, masks={kind: on}).points, out.points)
    assert (out.points - posed_scene(images).points).abs().max() > 1e-4


@torch.no_grad()
def test_samples_with_different_masks_equal_each_sample_alone(posed_scene, images):
    two, poses = torch.cat([images, images.flip(-1)]), rig(3).repeat(2, 1, 1, 1)
    masks = torch.tensor([[True, True, False], [False, True, True]])
    both = posed_scene(two, world_from_camera=poses, masks={'world_from_camera': masks})
    for sample in range(2):
        one = slice(sample, sample + 1)
        alone = posed_scene(two[one], world_from_camera=poses[one], masks={'world_from_camera': masks[one]})
        torch.testing.assert_close(both.points[one], alone.points, rtol=0, atol=1e-4)


class Largest(TorchDispatchMode):
    """The largest tensor that any operation made."""

    def __init__(self):
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        out = function(*arguments, **(options or {}))
        for value in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(value, torch.Tensor):
                self.elements = max(self.elements, value.numel())
        return out


@torch.no_grad()
def test_no_mask_and_no_weights_of_all_pairs_of_tokens_exist(posed_scene):
    views = 40
    on = torch.arange(views)[None] % 2 == 0
    known = prepare((144, 192), world_from_camera=rig(views), masks={'world_from_camera': on})
    tokens = torch.randn(1, views, 108, 128)
    with Largest() as largest:
        posed_scene.decode(tokens, GRID, known)
    assert largest.elements < (views * 108) ** 2 / 4


@pytest.mark.parametrize(
    ('batch', 'message'),
    [
        (torch.zeros(3, 3, 144, 192), r'shape \(3, 3, 144, 192\); expected \(B, N, 3, H, W\)'),
        (torch.zeros(1, 0, 3, 144, 192), 'at least one view'),
        (torch.zeros(1, 1, 1, 144, 192), r'expected \(B, N, 3, H, W\)'),
        (torch.zeros(1, 1, 3, 144, 192, dtype=torch.uint8), 'divide uint8 by 255'),
        (torch.full((1, 1, 3, 144, 192), 255.0), r'lie in \[255, 255\]; expected values in \[0, 1\]'),
        (torch.full((1, 1, 3, 144, 192), float('nan')), 'images contain NaN'),
        (torch.zeros(1, 1, 3, 150, 200), '16x16 px patches'),
    ],
)
def test_wrong_images_are_refused(tiny_scene, batch, message):
    with pytest.raises(ValueError, match=message):
        tiny_scene(batch)


def test_a_condition_that_the_network_cannot_take_is_refused(tiny_scene, images):
    with pytest.raises(ValueError, match='cannot take depths, world_from_camera'):
        tiny_scene(images, world_from_camera=rig(3), depths=torch.ones(1, 3, 144, 192))


def test_everything_learns(tiny_scene, images, intrinsics):
    with torch.autocast('cpu', dtype=torch.bfloat16):
        out = tiny_scene.train()(images, intrinsics=intrinsics)
    loss = out.points.square().mean() + out.confidence.square().mean() + out.tangents.square().mean()
    loss.backward()
    for name, parameter in tiny_scene.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@torch.no_grad()
@pytest.mark.parametrize('precision', ['bf16', 'fp16'])
def test_half_precision_stays_near_and_geometry_stays_fp32(tiny_scene, images, intrinsics, precision):
    exact = tiny_scene(images, intrinsics=intrinsics)
    near = tiny_scene.set_precision(precision)(images, intrinsics=intrinsics)
    for name in ('depth', 'tangents', 'world_from_camera', 'metric_scale'):
        found, expected = getattr(near, name), getattr(exact, name)
        assert found.dtype is torch.float32
        torch.testing.assert_close(found, expected, rtol=0.05, atol=0.05)


@torch.no_grad()
@pytest.mark.parametrize('rounded', [True, False])
def test_angles_are_rounded_for_the_public_weights_alone(tiny_scene, images, monkeypatch, rounded):
    """A GPU's half precision rounds rotary angles; a network that was trained without must not notice."""
    tiny_scene.config = replace(tiny_scene.config, rounded_angles=rounded)
    on_cpu = tiny_scene(images).depth
    monkeypatch.setattr('chromm_ros.network.scene.network.angle_dtype', lambda device: torch.bfloat16)
    assert torch.equal(tiny_scene(images).depth, on_cpu) is not rounded


def test_islands_keep_fp32_weights_and_fp32_products(tiny_scene, images):
    tiny_scene.set_precision('bf16')
    assert tiny_scene.encoder.blocks[0].mlp.fc1.weight.dtype is torch.bfloat16
    dtypes = {}
    for name, module in tiny_scene.named_modules():
        if isinstance(module, torch.nn.Linear):
            module.register_forward_hook(lambda _, __, out, name=name: dtypes.__setitem__(name, out.dtype))
    with torch.no_grad(), torch.autocast('cpu', dtype=torch.bfloat16):
        tiny_scene(images)
    assert dtypes['decoder.0.attn.qkv'] is torch.bfloat16
    for island in ('camera_head.fc_rot', 'metric_decoder.linear_out', 'metric_head', 'point_head.mlp.fc2'):
        assert dtypes[island] is torch.float32, island
        assert tiny_scene.get_submodule(island).weight.dtype is torch.float32, island


def test_an_unknown_precision_is_refused(tiny_scene):
    with pytest.raises(ValueError, match='must be one of fp32, bf16, fp16'):
        tiny_scene.set_precision('int8')


def test_foreign_weights_are_named(public_shapes):
    scene = SceneNetwork.full(device='meta')
    state = {key: torch.empty(shape, device='meta') for key, shape in public_shapes.items()}
    state['decoder.0.attn.qkv.bias'] = torch.empty(7, device='meta')
    state['encoder.mask_token'] = torch.empty(1, 1024, device='meta')
    del state['metric_token'], state['image_mean']
    with pytest.raises(ValueError, match='metric_token') as error:
        scene.load_public(state)
    message = str(error.value)
    assert 'encoder.mask_token' in message
    assert 'decoder.0.attn.qkv.bias: (7,) instead of (3072,)' in message
    assert 'image_mean' not in message


@pytest.mark.parametrize('known', ['nothing', 'intrinsics', 'all', 'some', 'one sample of two'])
def test_a_window_is_one_graph_whatever_is_known_of_its_cameras(posed_scene, known):
    """A look at a tensor from Python would break it, and each piece would wait for the device."""
    grid = posed_scene.encoder.grid(32, 48)
    tokens = torch.randn((2, 3, grid[0] * grid[1], posed_scene.config.encoder.width))
    poses = torch.eye(4).repeat(2, 3, 1, 1)
    poses[..., 0, 3] = torch.arange(3.0)
    intrinsics = torch.tensor([[40.0, 0, 24], [0, 40, 16], [0, 0, 1]]).expand(2, 3, 3, 3)
    given = {
        'nothing': {},
        'intrinsics': {'intrinsics': intrinsics},
        'all': {'intrinsics': intrinsics, 'world_from_camera': poses, 'depths': torch.ones((2, 3, 32, 48))},
        'some': {
            'intrinsics': intrinsics,
            'world_from_camera': poses,
            'masks': {'world_from_camera': torch.tensor([[True, True, False]] * 2)},
        },
        'one sample of two': {
            'world_from_camera': poses,
            'masks': {'world_from_camera': torch.tensor([[True, True, True], [False, False, False]])},
        },
    }[known]
    conditions = prepare((32, 48), **given)
    torch._dynamo.reset()
    explained = torch._dynamo.explain(posed_scene.decode)(tokens, grid, conditions)
    assert explained.graph_break_count == 0, explained.break_reasons
