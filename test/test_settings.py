from dataclasses import dataclass, field

import pytest

from chromm_ros.settings import changed, leaves, setting


@dataclass(frozen=True)
class Inner:
    threshold: float = setting(0.3, 'detection threshold', low=0.0, high=1.0, live=True)


@dataclass(frozen=True)
class Outer:
    mode: str = setting('auto', 'how', choices=('auto', 'tf'))
    inner: Inner = field(default_factory=Inner)


def test_leaves_are_dotted_paths_in_order_of_declaration():
    assert [leaf.name for leaf in leaves(Outer)] == ['mode', 'inner.threshold']
    assert [leaf.live for leaf in leaves(Outer)] == [False, True]


def test_changed_replaces_deep_settings_and_leaves_the_original_alone():
    before = Outer()
    after = changed(before, {'inner.threshold': 0.5, 'mode': 'tf'})
    assert (after.inner.threshold, after.mode) == (0.5, 'tf')
    assert (before.inner.threshold, before.mode) == (0.3, 'auto')


@pytest.mark.parametrize(
    ('values', 'error', 'words'),
    [
        ({'inner.threshold': 1.5}, ValueError, 'inner.threshold is 1.5; it must be at most 1.0'),
        ({'inner.threshold': float('nan')}, ValueError, 'at least'),
        ({'mode': 'maybe'}, ValueError, "'maybe'; it must be one of auto, tf"),
        ({'inner.treshold': 0.1}, KeyError, 'unknown setting'),
    ],
)
def test_bad_values_are_refused_with_the_reason(values, error, words):
    with pytest.raises(error, match=words):
        changed(Outer(), values)
