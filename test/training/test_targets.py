from dataclasses import replace

import numpy as np
import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.geometry.cameras import project
from chromm_ros.skeleton import HEAD
from chromm_ros.training.clips import ClipBatch, Clips
from chromm_ros.training.sampling import FrameSampler, Sampling
from chromm_ros.training.targets import patch_index, people_targets, sample_map


def batch_of(clips: Clips) -> ClipBatch:
    return FrameSampler([clips], Sampling(24, (4,))).draw(np.random.default_rng(2))


def test_people_stand_where_the_picture_shows_them(clips: Clips, body: BodyModel) -> None:
    batch = batch_of(clips)
    targets = people_targets(batch, body, skin=True)
    seen = targets.seen
    assert seen.sum() > 10
    state = targets.state
    torch.testing.assert_close(state.joints[:, HEAD], state.head, atol=1e-4, rtol=0)
    projected = project(state.head, targets.intrinsics)
    torch.testing.assert_close(projected[seen], targets.head_px[seen], atol=1e-2, rtol=0)
    # the instance under the projected skin is a person
    assert state.vertices is not None
    pixels = project(state.vertices.mean(1), targets.intrinsics)
    inside = (pixels >= 0).all(-1) & (pixels < torch.tensor([192.0, 144.0])).all(-1) & seen
    on_people = sample_map(targets.silhouette, targets.frame[inside], pixels[inside], (144, 192))
    assert on_people.float().mean() > 0.8


def test_rows_without_people_are_as_many_and_harmless(clips: Clips, body: BodyModel) -> None:
    batch = batch_of(clips)
    for nobody in (False, True):
        shown = replace(batch, present=torch.zeros_like(batch.present)) if nobody else batch
        targets = people_targets(shown, body, skin=True)
        assert len(targets) == batch.present.numel()
        assert int(targets.seen.sum()) < len(targets)
        for values in (targets.head_px, targets.pelvis_px, *vars(targets.state).values()):
            assert values.isfinite().all()
        assert (targets.state.head[~targets.seen] == torch.tensor([0.0, 0.0, 1.0])).all()


def test_heads_behind_something_are_neither_present_nor_absent(clips: Clips, body: BodyModel) -> None:
    batch = batch_of(clips)
    before = people_targets(batch, body)
    walled = replace(batch, depth=torch.full_like(batch.depth, 0.5))
    after = people_targets(walled, body)
    assert after.seen.sum() < before.seen.sum()
    assert torch.equal(after.seen | after.hidden, before.seen | before.hidden)
    assert not (after.seen & after.hidden).any()


def test_absent_people_are_nowhere(clips: Clips, body: BodyModel) -> None:
    batch = batch_of(clips)
    nobody = people_targets(replace(batch, present=torch.zeros_like(batch.present)), body)
    assert not (nobody.seen | nobody.hidden | nobody.metric).any()


def test_one_patch_teaches_one_person(clips: Clips, body: BodyModel) -> None:
    batch = batch_of(clips)
    doubled = {
        name: torch.cat([getattr(batch, name)] * 2, dim=2)
        for name in ('present', 'betas', 'pose', 'root_rotation', 'head', 'lens', 'joints')
    }
    twins = people_targets(replace(batch, **doubled), body)
    keys = (twins.frame * 1000 + patch_index(twins.head_px, 16, (9, 12)))[twins.seen]
    nearest = twins.state.head[twins.seen, 2]
    for key in keys.unique():
        assert nearest[keys == key].unique().numel() == 1


def test_patches_count_row_by_row_and_clamp() -> None:
    pixels = torch.tensor([[0.0, 0.0], [17.0, 0.0], [0.0, 16.0], [191.0, 143.0], [500.0, -3.0]])
    assert patch_index(pixels, 16, (9, 12)).tolist() == [0, 1, 12, 107, 11]


def test_maps_are_sampled_at_their_own_resolution() -> None:
    values = torch.arange(12.0).view(1, 3, 4)
    pixels = torch.tensor([[0.5, 0.5], [7.9, 5.9], [4.0, 2.0]])
    assert sample_map(values, torch.zeros(3, dtype=torch.long), pixels, (6, 8)).tolist() == [0.0, 11.0, 6.0]
