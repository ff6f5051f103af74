import numpy as np
import pytest
import torch

from chromm_ros.synthetic.pool import Pool
from chromm_ros.training.clips import Clips
from chromm_ros.training.sampling import FrameSampler, Sampling, augment, generators


def test_a_step_sees_the_same_whenever_it_is_asked(clips: Clips) -> None:
    sampler = FrameSampler([clips], Sampling(8, (4, 2)))
    first = [sampler.draw(generators(3, step)[0]) for step in range(3)]
    again = sampler.draw(generators(3, 1)[0])
    assert torch.equal(first[1].images, again.images)
    assert not torch.equal(first[0].images[0, 0], first[1].images[0, 0])


def test_processes_see_different_frames(clips: Clips) -> None:
    sampler = FrameSampler([clips], Sampling(4, (1,)))
    first, second = (sampler.draw(generators(0, 7, rank)[0]) for rank in (0, 1))
    assert not torch.equal(first.images, second.images)


def test_batch_has_the_asked_number_of_images(clips: Clips) -> None:
    batch = FrameSampler([clips], Sampling(24, (4,))).draw(np.random.default_rng(0))
    assert batch.images.shape[:2] == (6, 4)
    assert batch.images.shape[-2:] == (144, 192)
    assert batch.depth.shape == (6, 4, 72, 96)
    assert float(batch.images.min()) >= 0
    assert float(batch.images.max()) <= 1


def test_a_sequence_shows_one_room_with_all_views_of_a_frame_first(clips: Clips) -> None:
    sequence = clips.sequence(6, np.random.default_rng(1))
    assert len({scene for scene, _, _ in sequence}) == 1
    assert len({frame for _, _, frame in sequence[:4]}) == 1
    assert {view for _, view, _ in sequence[:4]} == {0, 1, 2, 3}


def test_a_sequence_is_never_longer_than_a_scene(clips: Clips) -> None:
    batch = FrameSampler([clips], Sampling(24, (500,))).draw(np.random.default_rng(0))
    assert batch.images.shape[:2] == (2, 12)


def test_augmentation_changes_images_and_nothing_else(clips: Clips) -> None:
    batch = FrameSampler([clips], Sampling(4, (2,))).draw(np.random.default_rng(0))
    changed = augment(batch, torch.Generator().manual_seed(0))
    assert not torch.equal(changed.images, batch.images)
    assert float(changed.images.min()) >= 0
    assert float(changed.images.max()) <= 1
    for name, value in vars(batch).items():
        if name != 'images':
            torch.testing.assert_close(getattr(changed, name), value, rtol=0, atol=0, equal_nan=True)


def test_a_batch_on_a_device_is_not_pinned_on_the_host(clips: Clips) -> None:
    batch = FrameSampler([clips], Sampling(4, (2,))).draw(np.random.default_rng(0)).to('meta')
    assert batch.pin_memory().images is batch.images


def test_a_pool_without_complete_scenes_is_refused(pool: Pool, tmp_path) -> None:
    for file in pool.path.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    np.save(tmp_path / 'done.npy', np.zeros(len(pool), np.uint8))
    with pytest.raises(ValueError, match='chromm train render'):
        Clips(Pool(tmp_path))
