import pytest
import torch

from chromm_ros.geometry.cameras import invert_rigid
from chromm_ros.network.layers.rotary import PoseRotary, Rotary2D, patch_positions


@pytest.mark.parametrize('name', ['rope', 'rope_big'])
def test_equals_the_reference(tiny_modules, name):
    tokens, positions = tiny_modules[f'{name}_in'], tiny_modules[f'{name}_pos_yx'][0]
    out = Rotary2D.at(positions, 32).rotate(tokens)
    torch.testing.assert_close(out, tiny_modules[f'{name}_out'], rtol=0, atol=1e-5)


@pytest.mark.parametrize('name', ['rope', 'rope_big'])
def test_rounds_angles_as_the_reference_does_in_bf16(tiny_modules, name):
    tokens, positions = tiny_modules[f'{name}_in'].bfloat16(), tiny_modules[f'{name}_pos_yx'][0]
    out = Rotary2D.at(positions, 32, torch.bfloat16).rotate(tokens)
    torch.testing.assert_close(out.float(), tiny_modules[f'{name}_out_bf16_as_f32'], rtol=0, atol=1e-5)


def test_special_tokens_are_not_turned_and_patches_count_from_one():
    positions = patch_positions((2, 3), 5, torch.device('cpu'))
    assert positions[:5].eq(0).all()
    assert positions[5:].tolist() == [[1, 1], [1, 2], [1, 3], [2, 1], [2, 2], [2, 3]]
    tokens = torch.randn(11, 16)
    torch.testing.assert_close(Rotary2D.at(positions, 16).rotate(tokens)[:5], tokens[:5])


def test_products_depend_on_the_distance_of_patches_only():
    q, k = torch.randn(2, 1, 16)

    def logit(a, b):
        turn = [Rotary2D.at(torch.tensor([place]), 16) for place in (a, b)]
        return turn[0].rotate(q) @ turn[1].rotate(k).T

    torch.testing.assert_close(logit((1, 2), (4, 3)), logit((5, 9), (8, 10)))


def test_pose_rotary_sees_relative_poses_only(tiny_modules):
    poses = tiny_modules['poseinject_poses_c2w']
    moved = poses[:, 1:2] @ poses
    q, k, v = torch.randn(3, 1, 2, 18, 32, generator=torch.Generator().manual_seed(0))
    logits = []
    for world_from_camera in (poses, moved):
        position = PoseRotary.at(invert_rigid(world_from_camera), world_from_camera, (2, 3), 32)
        turned_q, turned_k, _ = position.encode(q, k, v)
        logits.append(turned_q @ turned_k.transpose(-1, -2))
    torch.testing.assert_close(*logits, rtol=1e-4, atol=1e-4)


def test_pose_rotary_gives_a_token_its_own_value_back(tiny_modules):
    poses = tiny_modules['poseinject_poses_c2w']
    position = PoseRotary.at(invert_rigid(poses), poses, (2, 3), 32)
    value = torch.randn(1, 2, 18, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(position.decode(position.encode(value, value, value)[2]), value, rtol=1e-4, atol=1e-4)
