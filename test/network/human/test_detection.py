import pytest
import torch
from torch.nn import functional

from chromm_ros.flow import MAX_PEOPLE
from chromm_ros.network.human.detection import find_heads, local_maxima, take

GRID = (9, 12)


def logits_with(*places, value=3.0):
    """(1, 108) logits below every threshold except at the (row, column) ``places``."""
    logits = torch.full((1, GRID[0] * GRID[1]), -8.0)
    for row, column in places:
        logits[0, row * GRID[1] + column] = value
    return logits


def test_suppression_equals_the_reference(multi_hmr):
    arrays = multi_hmr.arrays('detection_losses')
    scores = arrays['scores'][:, 0]
    kept = torch.where(local_maxima(scores), scores, 0.0)
    torch.testing.assert_close(kept, arrays['nms3'][:, 0], atol=0, rtol=0)
    torch.testing.assert_close(torch.stack((kept >= 0.9).nonzero(as_tuple=True)), arrays['idx'][:3])


def test_finds_each_head_once_best_first():
    logits = logits_with((2, 3), (7, 8))
    logits[0, 2 * 12 + 4] = 2.0  # beside the first
    logits[0, 7 * 12 + 8] = 5.0
    heads = find_heads(logits, GRID)
    assert heads.index[0, :2].tolist() == [7 * 12 + 8, 2 * 12 + 3]
    assert heads.valid[0].tolist() == [True, True] + [False] * (MAX_PEOPLE - 2)
    torch.testing.assert_close(heads.score[0, :2], torch.sigmoid(torch.tensor([5.0, 3.0])))


def test_nobody():
    heads = find_heads(logits_with(), GRID)
    assert heads.found.tolist() == [0]
    assert not heads.valid.any()
    assert heads.index.shape == (1, MAX_PEOPLE)


def test_more_than_ten_people_leave_the_worst_out_and_say_so():
    places = [(row, column) for row in (0, 3, 6) for column in (0, 3, 6, 9)]
    logits = logits_with(*places)
    worst = places[5]
    logits[0, worst[0] * 12 + worst[1]] = 1.0
    heads = find_heads(logits, GRID)
    assert heads.found.tolist() == [12]
    assert heads.valid.all()
    assert worst[0] * 12 + worst[1] not in heads.index[0].tolist()


def test_two_certain_neighbours_are_one_person():
    # clamped scores would tie here
    logits = logits_with((4, 4), value=30.0)
    logits[0, 4 * 12 + 5] = 29.0
    assert find_heads(logits, GRID).valid.sum() == 1


def test_fewer_patches_than_people_are_padded():
    heads = find_heads(torch.tensor([[5.0, -5.0, -5.0, -5.0]]), (2, 2))
    assert heads.index.shape == (1, MAX_PEOPLE)
    assert heads.valid.sum() == 1


@pytest.mark.parametrize('threshold', [0.2, 0.5, 0.9])
def test_threshold_is_inclusive(threshold):
    exact = torch.logit(torch.tensor(threshold))
    score = torch.sigmoid(exact)
    assert find_heads(logits_with((4, 4), value=exact), GRID, threshold=float(score)).valid.sum() == 1
    assert find_heads(logits_with((4, 4), value=exact), GRID, threshold=float(score) + 1e-4).valid.sum() == 0


def test_take_reads_the_tokens_of_the_patches():
    tokens, index = torch.rand(2, 108, 5), torch.tensor([[3, 107], [0, 3]])
    torch.testing.assert_close(take(tokens, index)[1, 1], tokens[1, 3])
    torch.testing.assert_close(take(tokens, index)[0, 1], tokens[0, 107])


def test_pixel_shuffle_equals_the_reference(multi_hmr):
    arrays = multi_hmr.arrays('detection_losses')
    torch.testing.assert_close(functional.pixel_shuffle(arrays['ps_in'], 14), arrays['ps_out14'], atol=0, rtol=0)
