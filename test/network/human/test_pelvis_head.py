import pytest
import torch

from chromm_ros.network.human.letterbox import Letterbox
from chromm_ros.network.human.pelvis_head import PelvisHead


@pytest.fixture
def head():
    torch.manual_seed(0)
    return PelvisHead(8, 16, 16, (144, 192)).eval()


def aim(head, displacement):
    """Make the coarse estimate a constant displacement from the head [px]."""
    with torch.no_grad():
        head.coarse[-1].weight.zero_()
        head.coarse[-1].bias.copy_(torch.tensor(displacement) / 192)


def test_patch_of_pixels(head):
    index, inside = head.patch_of(torch.tensor([[0.5, 0.5], [191.0, 143.0], [-3.0, 20.0], [50.0, 200.0]]))
    assert index.tolist() == [0, 107, 12, 99]
    assert inside.tolist() == [True, True, False, False]


@torch.no_grad()
def test_inside_the_image_the_patch_refines_the_pelvis(head):
    aim(head, [0.0, 40.0])
    tokens, head_px = torch.rand(1, 108, 8), torch.tensor([[[100.0, 50.0]]])
    token = tokens[:, 30:31]
    pelvis = head(tokens, token, head_px)
    index, _ = head.patch_of(torch.tensor([[[100.0, 90.0]]]))
    torch.testing.assert_close(pelvis, head.fine_px(tokens[0, index], token, index))


@torch.no_grad()
def test_outside_of_the_image_the_coarse_estimate_counts(head):
    aim(head, [10.0, 120.0])
    pelvis = head(torch.rand(1, 108, 8), torch.rand(1, 1, 8), torch.tensor([[[100.0, 50.0]]]))
    torch.testing.assert_close(pelvis, torch.tensor([[[110.0, 170.0]]]))


@torch.no_grad()
def test_the_padding_of_a_letterbox_is_outside(head):
    aim(head, [0.0, 60.0])
    tokens, token = torch.rand(1, 108, 8), torch.rand(1, 1, 8)
    wide = Letterbox((72, 192), (144, 192))  # rows 36 to 108 hold the image
    pelvis = head(tokens, token, torch.tensor([[[100.0, 60.0]]]), wide)
    torch.testing.assert_close(pelvis, torch.tensor([[[100.0, 120.0]]]))


@torch.no_grad()
def test_two_people_who_share_a_pelvis_patch_differ(head):
    aim(head, [0.0, 40.0])
    tokens, token = torch.rand(1, 108, 8), torch.rand(1, 2, 8)
    pelvis = head(tokens, token, torch.tensor([[[100.0, 50.0], [100.0, 50.0]]]))
    assert not torch.allclose(pelvis[0, 0], pelvis[0, 1])
