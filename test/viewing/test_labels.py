import numpy as np
import pytest

from chromm_ros.viewing.labels import CHARACTER, LINE, Viewpoint, _seen, lifts

FRONT = Viewpoint(np.array([0.0, -8.0, 3.0]), np.array([0.0, 0.0, 1.0]), 0.8)


def covering(places, lengths, viewpoint):
    """Pairs of labels that cover each other in the picture."""
    across, up, _ = _seen(places, viewpoint)
    widths = CHARACTER * (lengths + 1)
    pairs = [(a, b) for a in range(len(places)) for b in range(a)]
    return [
        (a, b)
        for a, b in pairs
        if abs(across[a] - across[b]) < 0.5 * (widths[a] + widths[b]) and abs(up[a] - up[b]) < 0.98 * LINE
    ]


@pytest.mark.parametrize('seed', range(5))
def test_no_label_covers_another(seed):
    generator = np.random.default_rng(seed)
    places = generator.uniform((-1.5, -1.5, 1.5), (1.5, 1.5, 2.0), (8, 3))
    lengths = generator.integers(8, 20, 8)
    assert covering(places, lengths, FRONT)
    lifted = places.copy()
    lifted[:, 2] += lifts(places, lengths, FRONT)
    assert not covering(lifted, lengths, FRONT)


def test_labels_that_are_apart_stay_where_they_are():
    places = np.array([[-2.0, 0, 1.8], [0, 0, 1.8], [2.0, 0, 1.8]])
    np.testing.assert_array_equal(lifts(places, np.array([8, 8, 8]), FRONT), 0)


def test_whoever_is_behind_the_viewer_or_seen_from_straight_above_does_no_harm():
    above = Viewpoint(np.array([0.0, 0.0, 9.0]), np.zeros(3), 0.8)
    places = np.array([[0.0, 0, 1.8], [0.1, 0, 1.8], [0, -20.0, 1.8]])
    for viewpoint in (FRONT, above):
        assert np.isfinite(lifts(places, np.array([8, 8, 8]), viewpoint)).all()
