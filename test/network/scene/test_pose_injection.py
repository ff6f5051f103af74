import torch

from chromm_ros.network.scene.pose_injection import PoseInjection


def test_pose_injection_equals_the_reference(tiny_modules):
    injection = tiny_modules.fill(PoseInjection(64, 2), 'poseinject')
    out = injection(tiny_modules['poseinject_in'], tiny_modules['poseinject_poses_c2w'], (2, 3))
    torch.testing.assert_close(out, tiny_modules['poseinject_out'], rtol=0, atol=1e-5)


def test_gathered_views_equal_the_masked_attention_of_the_reference(tiny_modules):
    injection = tiny_modules.fill(PoseInjection(64, 2), 'poseinject')
    on = tiny_modules['poseinject_view_mask'][0]
    tokens = tiny_modules['poseinject_in'].unflatten(1, (3, 6))[:, on].flatten(1, 2)
    out = torch.zeros(1, 3, 6, 64)
    out[:, on] = injection(tokens, tiny_modules['poseinject_poses_c2w'][:, on], (2, 3)).unflatten(1, (2, 6))
    expected = tiny_modules['poseinject_masked_out_times_mask']
    torch.testing.assert_close(out.flatten(1, 2), expected, rtol=0, atol=1e-5)
