import math

import pytest
import torch

from chromm_ros.network.human.encoder import HumanEncoder
from chromm_ros.network.human.multi_hmr_head import MultiHmrHead, camera_embedding
from chromm_ros.network.presets import MultiHmrConfig

SMALL = MultiHmrConfig(token_dim=16, dim=32, layers=2, heads=2, head_dim=8)


@pytest.fixture
def small_head():
    torch.manual_seed(0)
    head = MultiHmrHead(SMALL, (4, 4)).eval()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.normal_(std=0.1)
    return head


def intrinsics(focal=50.0, side=56):
    return torch.tensor([[[focal, 0, side / 2], [0, focal, side / 2], [0, 0, 1]]])


@torch.no_grad()
def run(head, index=(1, 6, 11), people=3, tokens=None, focal=50.0):
    torch.manual_seed(1)
    tokens = torch.rand(1, 16, 16) if tokens is None else tokens
    valid = torch.arange(len(index))[None] < people
    return head(tokens, torch.tensor([index]), valid, intrinsics(focal))


def test_camera_embedding_equals_the_reference(multi_hmr):
    arrays = multi_hmr.arrays('mhmr_forward_140')
    embedding = camera_embedding(arrays['K'], (10, 10)).view(10, 10, 99)
    torch.testing.assert_close(embedding, arrays['cam_embed'], atol=1e-5, rtol=0)


def test_padding_changes_nobody(small_head):
    alone, padded = run(small_head, (1, 6, 11)), run(small_head, (1, 6, 11, 0, 15), people=3)
    torch.testing.assert_close(padded.pose6d[:, :3], alone.pose6d)
    torch.testing.assert_close(padded.depth[:, :3], alone.depth)


def test_order_of_the_people_does_not_matter(small_head):
    one, other = run(small_head, (1, 6, 11)), run(small_head, (11, 1, 6))
    torch.testing.assert_close(other.token, one.token[:, [2, 0, 1]])


def test_an_image_without_people_gives_numbers(small_head):
    assert torch.isfinite(run(small_head, people=0).token).all()


def test_logarithm_of_depth_grows_with_the_focal_length(small_head):
    normal = 56 / (2 * math.tan(math.pi / 6))
    people = run(small_head, focal=normal)
    torch.testing.assert_close(people.depth, people.camera[..., 0].exp())
    longer = run(small_head, focal=2 * normal)
    torch.testing.assert_close(longer.depth, (2 * longer.camera[..., 0]).exp())


def test_foreign_weights_are_named(small_head):
    with pytest.raises(ValueError, match=r'missing .*pos_embedding'):
        small_head.load_public({'x_attention_head.deccam.weight': torch.zeros(3, 32)})


@pytest.mark.slow
@torch.no_grad()
def test_full_size_equals_the_reference(multi_hmr):
    expected, state = multi_hmr.arrays('mhmr_forward_140'), multi_hmr.state_dict()
    with torch.device('meta'):
        encoder = HumanEncoder.full(image_size=140, chromm_heads=False)
        head = MultiHmrHead(MultiHmrConfig(), encoder.grid)
    encoder.load_public(state)
    head.load_public(state)
    close = torch.testing.assert_close

    tokens = encoder.tokens(expected['image01'])
    close(tokens, expected['tokens'], atol=1e-4, rtol=0)
    close(encoder.detection_logits(tokens).view(10, 10), expected['det_logits'], atol=1e-5, rtol=0)
    close(encoder.offsets(tokens).view(10, 10, 2), expected['offsets_all'], atol=1e-5, rtol=0)

    heads = encoder.heads(tokens, float(expected['det_thresh']))
    places = (expected['det_rows'] * 10 + expected['det_cols']).tolist()
    # ours are sorted by score and padded to ten, the reference's go row by row
    order = [heads.index[0].tolist().index(place) for place in places]
    assert heads.valid[0, order].all()
    assert heads.valid.sum() == 4
    close(heads.score[0, order], expected['det_scores_kept'], atol=1e-5, rtol=0)

    people = head(tokens, heads.index, heads.valid, expected['K'])
    close(people.token[0, order], expected['hph_token'][0], atol=1e-4, rtol=0)
    close(people.pose6d[0, order], expected['hph_pose6d'], atol=1e-4, rtol=0)
    close(people.betas[0, order], expected['hph_betas'], atol=1e-4, rtol=0)
    close(people.expression[0, order], expected['hph_expression'], atol=1e-4, rtol=0)
    close(people.camera[0, order], expected['hph_cam'], atol=1e-4, rtol=0)
    close(people.root_rotation[0, order], expected['hph_global_orient'][:, 0], atol=1e-4, rtol=0)
    # from joint 24 on the start is no rotation and what comes of it is badly conditioned (spec 1.7)
    close(people.pose[0, order, :23], expected['hph_body_pose'][:, :23], atol=1e-3, rtol=0)

    pixels = encoder.head_pixels(heads.index, encoder.offsets(tokens[0, heads.index]))[0, order]
    close(pixels, expected['person_loc'], atol=1e-4, rtol=0)
    matrix = expected['K'][0]
    rays = torch.cat([(pixels - matrix[:2, 2]) / matrix[0, 0], torch.ones(4, 1)], -1)
    close(rays * people.depth[0, order, None], expected['person_transl'], atol=1e-4, rtol=0)
