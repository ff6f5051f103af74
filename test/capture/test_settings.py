"""The leaves of the settings are the node's parameters: each must explain itself."""

from __future__ import annotations

import pytest

from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.settings import changed, leaves


@pytest.mark.parametrize('leaf', list(leaves(CaptureSettings)), ids=lambda leaf: leaf.name)
def test_every_setting_explains_itself_and_allows_its_default(leaf):
    assert leaf.help.endswith('.')
    assert leaf.range.problem(leaf.default) is None
    if isinstance(leaf.default, str):
        assert leaf.range.choices
    elif not isinstance(leaf.default, bool):
        assert leaf.range.low is not None or leaf.range.high is not None


def test_a_word_that_is_no_choice_is_refused():
    with pytest.raises(ValueError, match='extrinsics'):
        changed(CaptureSettings(), {'extrinsics': 'guess'})
