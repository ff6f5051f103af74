"""The body model against ``smplx`` and against the properties of a kinematic tree."""

from pathlib import Path

import numpy as np
import pytest
import roma
import smplx
import torch

from chromm_ros.body.files import BodyFile, cached_smplx, read_free, write_smplx
from chromm_ros.body.model import BodyModel, place_by_head

DATA = Path(__file__).parent / 'data'


def random_people(count, seed=0, angle=0.4):
    """Betas (N, 10), rotation vectors of theta (N, 52, 3) and of the root (N, 3)."""
    generator = torch.Generator().manual_seed(seed)
    betas = torch.randn(count, 10, generator=generator).clamp(-2, 2)
    return betas, angle * torch.randn(count, 52, 3, generator=generator), torch.randn(count, 3, generator=generator)


def through_smplx(path, betas, pose, root, transl=None):
    layer = smplx.create(
        str(path), model_type='smplx', num_betas=10, use_pca=False, flat_hand_mean=True, batch_size=len(betas)
    )
    return layer(
        betas=betas, global_orient=root, body_pose=pose[:, :21].flatten(1), left_hand_pose=pose[:, 21:36].flatten(1),
        right_hand_pose=pose[:, 36:51].flatten(1), jaw_pose=pose[:, 51], transl=transl,
    )  # fmt: skip


@pytest.fixture(scope='module')
def body():
    return BodyModel.load()


@pytest.fixture(scope='module')
def smplx_file(tmp_path_factory):
    return cached_smplx(tmp_path_factory.mktemp('cache'))


def test_joints_and_skin_are_those_of_smplx(body, smplx_file):
    betas, pose, root = random_people(4)
    expected = through_smplx(smplx_file, betas, pose, root)
    vertices, joints = body.skin_and_joints(betas, roma.rotvec_to_rotmat(pose), roma.rotvec_to_rotmat(root))
    pelvis = expected.joints[:, :1]
    torch.testing.assert_close(joints, expected.joints[:, :55] - pelvis, atol=1e-5, rtol=0)
    torch.testing.assert_close(vertices, expected.vertices - pelvis, atol=1e-5, rtol=0)


def test_pose_correctives_of_a_users_file_are_applied(tmp_path):
    free = read_free()
    correctives = np.zeros((len(free.template), 3, 486), np.float32)
    correctives[::100] = np.random.default_rng(0).normal(0, 0.002, correctives[::100].shape)
    kept = {name: getattr(free, name) for name in ('template', 'shape_directions', 'regressor', 'weights', 'faces')}
    path = write_smplx(BodyFile(name='users', pose_directions=correctives, **kept), tmp_path / 'SMPLX_NEUTRAL.npz')
    betas, pose, root = random_people(2)
    expected = through_smplx(path, betas, pose, root)
    vertices = BodyModel.load(path).vertices(betas, roma.rotvec_to_rotmat(pose), roma.rotvec_to_rotmat(root))
    torch.testing.assert_close(vertices, expected.vertices - expected.joints[:, :1], atol=2e-5, rtol=0)


def test_transl_puts_the_head_of_smplx_where_it_is_asked(body, smplx_file):
    betas, pose, root = random_people(3)
    head = torch.tensor([[0.3, -0.2, 4.0], [1, 2, 3], [0, 0, 2]])
    transl = body.smplx_transl(betas, roma.rotvec_to_rotmat(pose), roma.rotvec_to_rotmat(root), head)
    out = through_smplx(smplx_file, betas, pose, root, transl)
    torch.testing.assert_close(out.joints[:, 15], head, atol=1e-5, rtol=0)


def test_head_centred_placement_is_that_of_multi_hmr():
    data = {name: torch.as_tensor(array) for name, array in np.load(DATA / 'smpl_centering.npz').items()}
    root = roma.rotvec_to_rotmat(data['pose'][:, 0])
    for points, expected in (('body_verts0', 'v3d'), ('body_joints0', 'j3d')):
        placed = place_by_head(data[points], data['body_joints0'], root, data['transl_head'])
        torch.testing.assert_close(placed, data[expected], atol=1e-5, rtol=0)
    pelvis = place_by_head(data['body_joints0'][:, :1], data['body_joints0'], root, data['transl_head'])
    torch.testing.assert_close(pelvis, data['transl_pelvis'], atol=1e-5, rtol=0)


def test_joints_need_no_skin(body):
    betas, pose, root = random_people(3)
    pose, root = roma.rotvec_to_rotmat(pose), roma.rotvec_to_rotmat(root)
    torch.testing.assert_close(body.joints(betas, pose, root), body.skin_and_joints(betas, pose, root)[1])


def test_the_root_rotation_turns_the_canonical_body(body):
    betas, pose, root = random_people(3)
    pose, root = roma.rotvec_to_rotmat(pose), roma.rotvec_to_rotmat(root)
    turned = body.joints(betas, pose) @ root.mT
    torch.testing.assert_close(body.joints(betas, pose, root), turned, atol=1e-5, rtol=0)
    frames = root[:, None] @ body.joint_rotations(pose)
    torch.testing.assert_close(body.joint_rotations(pose, root), frames, atol=1e-5, rtol=0)


def test_bones_keep_their_length_in_any_pose(body):
    betas, pose, _ = random_people(5, angle=1.0)
    parents = torch.tensor(body.parents[1:])

    def lengths(joints):
        return (joints[..., 1:, :] - joints[..., parents, :]).norm(dim=-1)

    joints = body.joints(betas, roma.rotvec_to_rotmat(pose))
    torch.testing.assert_close(lengths(joints), lengths(body.rest_joints(betas)), atol=1e-5, rtol=0)
    assert (joints[:, 0] == 0).all()


def test_any_batch_dimensions(body):
    betas, pose, root = random_people(6)
    pose, root = roma.rotvec_to_rotmat(pose), roma.rotvec_to_rotmat(root)
    flat = body.joints(betas, pose, root)
    shaped = body.joints(betas.view(2, 3, 10), pose.view(2, 3, 52, 3, 3), root.view(2, 3, 3, 3))
    torch.testing.assert_close(shaped.view(6, 55, 3), flat)
    assert body.joints(betas[0], pose[0]).shape == (55, 3)
    assert body.vertices(betas[:0], pose[:0], root[:0]).shape[0] == 0


def test_gradients_reach_every_input(body):
    betas, pose, root = random_people(2)
    pose, root = roma.rotvec_to_rotmat(pose), roma.rotvec_to_rotmat(root)
    inputs = [tensor.requires_grad_() for tensor in (betas, pose, root)]
    body.joints(*inputs).square().sum().backward()
    assert all(tensor.grad.abs().sum() > 0 for tensor in inputs)


def test_the_proxy_has_the_joints_of_the_body(body):
    betas, pose, root = random_people(2)
    pose, root = roma.rotvec_to_rotmat(pose), roma.rotvec_to_rotmat(root)
    proxy = BodyModel.load_proxy()
    torch.testing.assert_close(proxy.joints(betas, pose, root), body.joints(betas, pose, root))
    skin, coarse = body.vertices(betas, pose, root), proxy.vertices(betas, pose, root)
    assert coarse.shape[1] < 1500
    for side in ('amin', 'amax'):  # the same extent to a centimetre or two
        torch.testing.assert_close(getattr(coarse, side)(1), getattr(skin, side)(1), atol=0.02, rtol=0)


def test_height_is_that_of_the_skin_at_rest(body):
    betas = random_people(4)[0]
    skin = body.rest_vertices(betas)[..., 1]
    torch.testing.assert_close(body.height(betas), skin.amax(-1) - skin.amin(-1))
    assert body.height(torch.zeros(10)).ndim == 0


def test_nothing_of_the_body_enters_a_checkpoint(body):
    assert not body.state_dict()
