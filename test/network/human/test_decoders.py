from dataclasses import replace

import pytest
import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.geometry.cameras import project
from chromm_ros.network.human.decoders import HEAD_BEHIND_SKIN, DetectedHeads, decode_multi_hmr, estimates
from chromm_ros.network.human.detection import Heads
from chromm_ros.network.human.letterbox import Letterbox
from chromm_ros.network.human.multi_hmr_head import MultiHmrHead
from chromm_ros.network.human.silhouettes import silhouettes
from chromm_ros.network.outputs import PeopleEstimates
from chromm_ros.network.presets import MultiHmrConfig
from chromm_ros.skeleton import HEAD


@pytest.fixture(scope='module')
def body():
    return BodyModel.load()


@pytest.fixture(scope='module')
def head():
    torch.manual_seed(0)
    head = MultiHmrHead(MultiHmrConfig(token_dim=16, dim=32, layers=1, heads=2, head_dim=8), (4, 4)).eval()
    with torch.no_grad():
        head.decpose.weight.mul_(0.1)
        upright = torch.tensor([[1.0, 0, 0, 0, -1, 0] + [1.0, 0, 0, 0, 1, 0] * 52])
        head.init_body_pose.copy_(upright)
        head.init_cam[0, 0] = 1.1  # three metres at 60 degrees
    return head


@pytest.fixture
def found():
    """One person in the middle of a wide image of 112x56, seen by an encoder of 56x56."""
    intrinsics = torch.tensor([[[97.0, 0, 56], [0, 97.0, 28], [0, 0, 1]]])
    one = torch.tensor([[True, False]])
    return DetectedHeads(
        heads=Heads(torch.tensor([[5, 0]]), one.float(), one, torch.tensor([1])),
        token=torch.rand(1, 2, 16),
        scene_token=torch.rand(1, 2, 8),
        canvas_px=torch.tensor([[[28.0, 21.0], [0.0, 0.0]]]),
        image_px=torch.tensor([[[56.0, 14.0], [0.0, 0.0]]]),
        depth=torch.tensor([[3.0, 1.0]]),
        intrinsics=intrinsics,
        image_size=torch.tensor([[112.0, 56.0]]),
        letterbox=Letterbox((28, 56), (56, 56)),
    )


@torch.no_grad()
def decoded(head, body, found):
    torch.manual_seed(1)
    return decode_multi_hmr(head, body, found, torch.rand(1, 16, 16))


def test_the_public_head_takes_the_depth_of_the_scene_where_it_agrees(head, body, found):
    own = decoded(head, body, replace(found, depth=torch.full((1, 2), 100.0))).depth
    near = replace(found, depth=own * 1.2 - HEAD_BEHIND_SKIN)
    torch.testing.assert_close(decoded(head, body, near).depth, own * 1.2)
    for wrong in (0.3, 3.0):
        torch.testing.assert_close(decoded(head, body, replace(found, depth=own * wrong)).depth, own)


def test_the_pelvis_in_the_image_shows_the_scale_of_the_scene(head, body, found):
    """Eq. 3 on what the public head gives: a scene that is 20 % too far makes the image length 1.2 of the body's."""
    own = decoded(head, body, replace(found, depth=torch.full((1, 2), 100.0))).depth
    far = replace(found, depth=own * 1.2 - HEAD_BEHIND_SKIN)
    people = estimates(far, decoded(head, body, far), body)
    rotated = people.root_rotation[0, 0] @ people.canonical_joints[0, 0, HEAD]
    pelvis = project((people.head[0, 0] - rotated)[None], people.intrinsics)[0]
    smpl = (people.head_px[0, 0] - pelvis).norm()
    image = (people.head_px[0, 0] - people.pelvis_px[0, 0]).norm()
    assert float(smpl / image) == pytest.approx(1 / 1.2, rel=0.05)


def test_padding_rows_are_empty(head, body, found):
    people = estimates(found, decoded(head, body, found), body)
    assert people.valid.tolist() == [[True, False]]
    assert people.head[0, 1].abs().max() == 0
    torch.testing.assert_close(people.root_rotation[0, 1], torch.eye(3))


def test_silhouettes_cover_the_body_and_little_else(head, body, found):
    people = estimates(found, decoded(head, body, found), body)
    mask = silhouettes(people, found.image_size, (28, 56))
    assert mask.shape == (1, 28, 56)
    rotated = people.canonical_joints[0, 0, :22] @ people.root_rotation[0, 0].mT
    joints = rotated + people.head[0, 0] - rotated[HEAD]
    pixels = project(joints[None], people.intrinsics)[0] / 2
    inside = ((pixels >= 0) & (pixels < torch.tensor([56.0, 28.0]))).all(-1)
    columns, rows = pixels[inside].long().unbind(-1)
    assert inside.sum() > 3
    assert mask[0, rows, columns].all()
    assert not mask[0, :, :8].any()
    assert not silhouettes(replace(people, valid=torch.zeros_like(people.valid)), found.image_size, (28, 56)).any()


def test_estimates_are_a_dataclass_of_arrays(head, body, found):
    host = estimates(found, decoded(head, body, found), body).numpy()
    assert isinstance(host, PeopleEstimates)
    assert host.found.dtype.kind == 'i'
    assert host.valid.dtype == bool
