"""The fit by which windows are stitched, against the Umeyama fit of the Pi3X reference (`sim3.npz`)."""

from pathlib import Path

import numpy as np
import pytest

from chromm_ros.geometry.similarity import fit_similarity


@pytest.fixture(scope='module')
def reference():
    return np.load(Path(__file__).parent / 'fixtures' / 'sim3.npz')


def fitted(reference, target, weights=None):
    points = (reference[name].reshape(-1, 3).astype(float) for name in ('src', target))
    return fit_similarity(*points, weights=weights).matrix


def test_points_valid_in_both_windows_decide(reference):
    valid = (reference['src_mask'] & reference['tgt_mask']).reshape(-1).astype(float)
    np.testing.assert_allclose(fitted(reference, 'tgt', valid), reference['out'][0], rtol=0, atol=1e-5)


def test_a_mirrored_target_gets_the_best_rotation_not_a_reflection(reference):
    np.testing.assert_allclose(fitted(reference, 'mirror_tgt'), reference['mirror_out'][0], rtol=0, atol=1e-5)
