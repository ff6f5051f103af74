"""Clips through a predictor and a score, in memory."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pytest

from chromm_ros.evaluation.protocols.clips import Clip, ClipPlan, Truth
from chromm_ros.evaluation.protocols.estimates import Estimates, load
from chromm_ros.evaluation.protocols.runner import Parts, estimates_file, run
from chromm_ros.evaluation.protocols.scores import ClipScore


def clip(name: str, frames: int = 3) -> Clip:
    truth = Truth(
        frames=np.arange(frames),
        views=('camera',),
        world_from_camera=np.tile(np.eye(4), (frames, 1, 1, 1)),
        intrinsics=np.tile(np.eye(3), (frames, 1, 1, 1)),
        people=(),
        joints=np.zeros((frames, 0, 22, 3)),
        joint_names='body22',
        valid=np.zeros((frames, 0), bool),
    )
    return Clip(name, None, tuple(range(frames)), truth)


class Counting:
    """A predictor that says which clips it was asked for, and fails on those named bad."""

    def __init__(self, about: str = 'counting') -> None:
        self.about = about
        self.asked: list[str] = []

    def predict(self, clip: Clip) -> Estimates:
        self.asked.append(clip.name)
        if 'bad' in clip.name:
            raise ZeroDivisionError('the network is upset')
        return Estimates(clip.truth.frames, clip.truth.views)


def score(clip: Clip, estimates: Estimates) -> ClipScore:
    return ClipScore({'error': np.ones(len(estimates.frames))}, true=1, compared=1)


def plans(*names: str, frames: int = 3) -> list[ClipPlan]:
    return [ClipPlan(name, lambda name=name: clip(name, frames)) for name in names]


def test_a_clip_that_fails_is_lost_and_the_others_go_on():
    def broken() -> Clip:
        raise OSError('its file is gone')

    wanted = [*plans('one', 'bad'), ClipPlan('unreadable', broken), *plans('two')]
    outcome = run(wanted, Counting(), score, Parts(None))
    assert list(outcome.scores) == ['one', 'two']
    assert outcome.lost == {'bad': 'ZeroDivisionError: the network is upset', 'unreadable': 'its file is gone'}


def test_a_score_that_fails_loses_its_clip_alone():
    def picky(clip: Clip, estimates: Estimates) -> ClipScore:
        if clip.name == 'two':
            raise ValueError('depth maps of another picture')
        return score(clip, estimates)

    outcome = run(plans('one', 'two', 'three'), Counting(), picky, Parts(None))
    assert list(outcome.scores) == ['one', 'three']
    assert outcome.lost == {'two': 'depth maps of another picture'}


def test_a_resumed_run_predicts_only_what_is_not_kept(tmp_path):
    first, second = Counting(), Counting()
    run(plans('a/one', 'a/two'), first, score, Parts(tmp_path))
    estimates_file(tmp_path, 'a/two').unlink()
    outcome = run(plans('a/one', 'a/two'), second, score, Parts(tmp_path, resume=True))
    assert first.asked == ['a/one', 'a/two']
    assert second.asked == ['a/two']
    assert len(outcome.scores) == 2


@pytest.mark.parametrize(
    ('about', 'frames', 'cut'),
    [('other weights', 3, False), ('counting', 4, False), ('counting', 3, True)],
)
def test_estimates_of_another_run_or_half_a_file_are_made_anew(tmp_path, about, frames, cut):
    run(plans('one'), Counting(), score, Parts(tmp_path))
    if cut:
        file = estimates_file(tmp_path, 'one')
        file.write_bytes(file.read_bytes()[:100])
    again = Counting(about)
    run(plans('one', frames=frames), again, score, Parts(tmp_path, resume=True))
    assert again.asked == ['one']


def test_the_next_clip_is_read_and_the_last_one_scored_meanwhile():
    """Reading, predicting and scoring happen in three threads."""
    threads: dict[str, set[int]] = {'read': set(), 'predict': set(), 'score': set()}

    def make(name: str) -> Clip:
        threads['read'].add(threading.get_ident())
        return clip(name)

    def watching(clip: Clip, estimates: Estimates) -> ClipScore:
        threads['score'].add(threading.get_ident())
        return score(clip, estimates)

    class Here(Counting):
        def predict(self, clip: Clip) -> Estimates:
            threads['predict'].add(threading.get_ident())
            return super().predict(clip)

    wanted = [ClipPlan(name, lambda name=name: make(name)) for name in ('one', 'two', 'three')]
    run(wanted, Here(), watching, Parts(None))
    assert threads['predict'] == {threading.get_ident()}
    assert len(set.union(*threads.values())) == 3


def test_estimates_survive_their_file(tmp_path):
    rng = np.random.default_rng(0)
    estimates = Estimates(
        frames=np.array([3, 7]),
        views=('left', 'right'),
        world_from_camera=rng.normal(size=(2, 2, 4, 4)),
        intrinsics=rng.normal(size=(2, 2, 3, 3)),
        person_frame=np.array([3, 7, 7]),
        person_id=np.array([0, 0, 1]),
        joints=rng.normal(size=(3, 24, 3)),
        joint_names='smpl24',
    )

    class Fixed:
        about = 'fixed'

        def predict(self, clip: Clip) -> Estimates:
            return estimates

    Parts(tmp_path).predict(Fixed(), clip('one'))
    kept = load(estimates_file(tmp_path, 'one'))
    for field in dataclasses.fields(Estimates):
        np.testing.assert_array_equal(getattr(kept, field.name), getattr(estimates, field.name))
