import pytest
import torch

from chromm_ros.network.scene.conditions import Conditions, prepare

SIZE = (28, 42)


def mask_of(use):
    """(B, N) bool of a selection among four views."""
    mask = torch.zeros(len(use.views), 4, dtype=torch.bool)
    mask[use.where] = True
    for row, on in zip(mask, use.views):
        assert row.nonzero().flatten().tolist() == ([] if on is None else on.tolist())
    assert use.all == bool(mask.all())
    return mask


@pytest.fixture
def given(tiny_modules):
    """Arguments of ``prepare`` in the cases of the reference."""
    k, poses, depth = tiny_modules['cond_K'], tiny_modules['cond_poses_c2w'], tiny_modules['cond_depth']
    on = {kind: torch.ones(1, 4, dtype=torch.bool) for kind in ('intrinsics', 'world_from_camera', 'depths')}
    both = {'intrinsics': k, 'world_from_camera': poses}
    order = [2, 0, 3, 1]

    def only(*views):
        return torch.tensor([[view in views for view in range(4)]])

    return {
        'a_K_pose': both,
        'b_K_pose_depth': both | {'depths': depth, 'masks': {'depths': only(0, 2, 3)}},
        'c_one_pose_only': both | {'masks': {'world_from_camera': only(1)}},
        'd_depth_given_but_masked_out': both | {'depths': depth, 'masks': {'depths': ~on['depths']}},
        'e_static_rig_under_2cm': both | {'world_from_camera': tiny_modules['cond_e_poses_c2w']},
        'f_pose_on_2_of_4': both | {'masks': {'world_from_camera': only(0, 1)}},
        'g_views_permuted_2031': {'intrinsics': k[:, order], 'world_from_camera': poses[:, order]},
    }


CASES = [
    'a_K_pose',
    'b_K_pose_depth',
    'd_depth_given_but_masked_out',
    'e_static_rig_under_2cm',
    'f_pose_on_2_of_4',
    'g_views_permuted_2031',
]


@pytest.mark.parametrize('case', CASES)
def test_poses_equal_the_reference(tiny_modules, given, case):
    conditions = prepare(SIZE, **given[case])
    expected = tiny_modules[f'cond_{case}__poses']
    torch.testing.assert_close(conditions.world_from_camera, expected, rtol=0, atol=1e-5)
    assert mask_of(conditions.use_poses).equal(tiny_modules[f'cond_{case}__use_pose'])


def test_rays_equal_the_reference(tiny_modules, given):
    rays = prepare(SIZE, **given['a_K_pose']).rays
    torch.testing.assert_close(rays[0], tiny_modules['cond_a_K_pose__ray_in'], rtol=0, atol=1e-5)


def test_depth_equals_the_reference(tiny_modules, given):
    conditions = prepare(SIZE, **given['b_K_pose_depth'])
    torch.testing.assert_close(conditions.depth[0], tiny_modules['cond_b_K_pose_depth__depth_in'], rtol=0, atol=1e-5)
    assert mask_of(conditions.use_depth).equal(tiny_modules['cond_b_K_pose_depth__use_depth'])


def test_one_pose_alone_says_nothing(tiny_modules, given):
    mask = given['c_one_pose_only']['masks']['world_from_camera']
    conditions = prepare(SIZE, **given['c_one_pose_only'])
    assert conditions.world_from_camera is None
    assert mask.sum() == 1, 'the mask of the caller must stay as it was'
    assert not tiny_modules['cond_c_one_pose_only__use_pose'].any()


def test_unit_rays_equal_the_reference(tiny_modules):
    rays = tiny_modules['cond_h_rays_in_unit_xyz_view0'][None]
    conditions = prepare(SIZE, rays=rays)
    torch.testing.assert_close(conditions.rays[0], tiny_modules['cond_h_ray_embed_input_view0'], rtol=0, atol=1e-5)


def test_rays_of_the_intrinsics_are_the_intrinsics(tiny_modules):
    k = tiny_modules['cond_K']
    from_k = prepare(SIZE, intrinsics=k).rays
    directions = torch.cat([from_k, torch.ones_like(from_k[:, :, :1])], 2).movedim(2, -1)
    torch.testing.assert_close(prepare(SIZE, rays=directions).rays, from_k, rtol=0, atol=1e-5)


def test_scale_of_depth_and_poses_is_lost_together(given):
    arguments = given['b_K_pose_depth']
    poses = arguments['world_from_camera'].clone()
    poses[..., :3, 3] *= 5
    first = prepare(SIZE, **arguments)
    second = prepare(SIZE, **arguments | {'world_from_camera': poses, 'depths': 5 * arguments['depths']})
    torch.testing.assert_close(second.world_from_camera, first.world_from_camera, rtol=0, atol=1e-5)
    torch.testing.assert_close(second.depth, first.depth, rtol=0, atol=1e-5)


def test_what_counts_for_no_view_is_not_there(tiny_modules):
    assert prepare(SIZE) is None
    off = torch.zeros(1, 4, dtype=torch.bool)
    assert prepare(SIZE, intrinsics=tiny_modules['cond_K'], masks={'intrinsics': off}) is None
    assert prepare(SIZE, depths=tiny_modules['cond_depth'], masks={'depths': off}) is None


def test_one_view_with_everything_known(tiny_modules):
    conditions = prepare(SIZE, intrinsics=tiny_modules['cond_K'][:, :1], depths=tiny_modules['cond_depth'][:, :1])
    assert isinstance(conditions, Conditions)
    assert conditions.rays.shape == (1, 1, 2, *SIZE)
    assert conditions.depth[:, :, 0][conditions.depth[:, :, 1] > 0].mean() == pytest.approx(1.0, abs=1e-5)


def test_depth_without_a_valid_pixel_stays_finite():
    conditions = prepare(SIZE, depths=torch.zeros(1, 2, *SIZE))
    assert conditions.depth.eq(0).all()


def test_views_without_a_pose_do_not_count_as_baselines(tiny_modules):
    poses = tiny_modules['cond_poses_c2w']
    on = torch.tensor([[False, True, True, True]])
    with_unknown = torch.where(on[..., None, None], poses, torch.nan)
    conditions = prepare(SIZE, world_from_camera=with_unknown, masks={'world_from_camera': on})
    alone = prepare(SIZE, world_from_camera=poses[:, 1:])
    relative = torch.linalg.inv(conditions.world_from_camera[:, 1:2]) @ conditions.world_from_camera[:, 1:]
    ratio = relative[0, 1:, :3, 3].norm(dim=-1) / alone.world_from_camera[0, 1:, :3, 3].norm(dim=-1)
    assert conditions.world_from_camera.isfinite().all()
    torch.testing.assert_close(ratio, ratio[:1].expand(2), rtol=1e-4, atol=0)


def test_views_without_intrinsics_may_hold_anything(tiny_modules):
    on = torch.tensor([[True, False, True, True]])
    k = torch.where(on[..., None, None], tiny_modules['cond_K'], torch.nan)
    rays = prepare(SIZE, intrinsics=k, masks={'intrinsics': on}).rays
    torch.testing.assert_close(rays[on], prepare(SIZE, intrinsics=tiny_modules['cond_K']).rays[on])


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'intrinsics': torch.eye(3)}, r'intrinsics has shape \(3, 3\); expected \(B, N, 3, 3\)'),
        ({'depths': torch.ones(1, 2, 30, 42)}, r'depths has shape .*; expected \(B, N, 28, 42\)'),
        ({'world_from_camera': torch.full((1, 2, 4, 4), float('nan'))}, 'world_from_camera contain NaN'),
        ({'world_from_camera': 2 * torch.eye(4).expand(1, 2, 4, 4)}, 'world_from_camera .* not rigid'),
        ({'intrinsics': torch.zeros(1, 2, 3, 3)}, 'intrinsics .* focal length'),
        ({'rays': torch.zeros(1, 2, 28, 42, 3)}, 'rays have z <= 0'),
        (
            {'intrinsics': torch.eye(3).expand(1, 2, 3, 3), 'rays': torch.ones(1, 2, 28, 42, 3)},
            'either intrinsics or rays',
        ),
        (
            {'intrinsics': torch.eye(3).expand(1, 2, 3, 3), 'depths': torch.ones(1, 3, 28, 42)},
            r'depths has \(B, N\) = \(1, 3\) views, the first condition \(1, 2\)',
        ),
        (
            {'intrinsics': torch.eye(3).expand(1, 2, 3, 3), 'masks': {'intrinsics': torch.ones(2)}},
            r'mask of intrinsics has \(B, N\) = \(2,\) views, the first condition \(1, 2\)',
        ),
        ({'masks': {'depths': torch.ones(1, 2)}}, 'masks of depths mask nothing that is given'),
    ],
)
def test_wrong_conditions_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        prepare(SIZE, **arguments)
