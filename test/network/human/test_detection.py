import pytest
import torch
from torch.nn import functional

from chromm_ros.flow import MAX_PEOPLE
from chromm_ros.network.human.detection import find_heads, find_separate_heads, local_maxima, take

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


def places_of(**shifted):
    """(1, 108, 2) the middles of all patches in patches; those named ``row_column`` lie elsewhere."""
    places = torch.cartesian_prod(torch.arange(GRID[0]) + 0.5, torch.arange(GRID[1]) + 0.5).flip(-1)[None].clone()
    for name, place in shifted.items():
        row, column = map(int, name.strip('_').split('_'))
        places[0, row * GRID[1] + column] = torch.tensor(place)
    return places


def test_heads_in_neighbouring_patches_are_two_people_if_their_places_differ():
    logits = logits_with((4, 4), (4, 5), (5, 4))
    logits[0, 4 * 12 + 4] = 5.0
    # the third patch means the head of the first
    heads = find_separate_heads(logits, places_of(_4_4=(4.6, 4.7), _4_5=(5.5, 4.5), _5_4=(4.6, 5.0)), 0.4, 0.5)
    assert find_heads(logits, GRID).valid.sum() == 1
    assert heads.index[0, :2].tolist() == [4 * 12 + 4, 4 * 12 + 5]
    assert heads.found.tolist() == [2]
    assert heads.valid.sum() == 2
    assert heads.index.shape == (1, MAX_PEOPLE)


def test_what_a_better_patch_says_the_same_head_of_is_left_out_and_nothing_else():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(20, 108, generator=generator) * 2 - 3
    places = places_of() + 0.6 * torch.randn(20, 108, 2, generator=generator)
    heads = find_separate_heads(logits, places, 0.3, 0.5)
    for image in range(len(logits)):
        score = logits[image].sigmoid()
        apart = (places[image][:, None] - places[image][None]).norm(dim=-1)
        same = (apart < 0.5) & (logits[image][None] > logits[image][:, None])
        expected = [int(i) for i in score.argsort(descending=True) if score[i] >= 0.3 and not same[i].any()]
        assert heads.found[image] == len(expected)
        assert heads.index[image][heads.valid[image]].tolist() == expected[:MAX_PEOPLE]
        torch.testing.assert_close(heads.score[image][heads.valid[image]], score[expected[:MAX_PEOPLE]])


def test_nobody_is_separate_either():
    heads = find_separate_heads(logits_with(), places_of(), 0.3, 0.5)
    assert heads.found.tolist() == [0]
    assert not heads.valid.any()
