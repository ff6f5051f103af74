"""Every choice of the single pass, by name: the ablations of the paper are changes of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, get_type_hints

from chromm_ros.people import AssociationSettings, FusionSettings, PeopleSettings, TrackingSettings
from chromm_ros.settings import UsageError, changed

PAPER = PeopleSettings(
    tracking=TrackingSettings(motion_weight=0.0),
    association=AssociationSettings(along_rays=False, ray_distance=0.0),
    fusion=FusionSettings(position='triangulation'),
)
"""The people logic as the paper describes it, without what this package adds."""

ALONE: dict[str, dict[str, Any]] = {
    'pose': {'position_weight': 0.0, 'pose_weight': 1.0},
    'position': {'position_weight': 1.0, 'pose_weight': 0.0},
}
"""Weights of eq. 4 with one of its terms (CHROMM table 6)."""

POOLINGS = ('average', 'max')


@dataclass(frozen=True)
class PassSettings:
    """The choices of the method."""

    people: PeopleSettings = PAPER
    adjust_scale: bool = True
    """Eq. 3."""
    pooling: str = 'average'
    """Pose and shape of a person: the mean over its views, or decoded from the maximum of its tokens (``max``)."""
    compare_associations: bool = False
    """Also associate by pose alone and by position alone (CHROMM table 6)."""
    known_intrinsics: bool = False
    """Tell the network the true intrinsics; the paper does not."""
    known_cameras: bool = False
    """Take the true camera poses; the paper does not, but preset open places no cameras."""
    layout: str = 'smpl24'
    """``smpl24`` or ``coco17``: joints of the bodies, where the body files give them."""

    def __post_init__(self) -> None:
        if self.pooling not in POOLINGS:
            raise UsageError(f'pooling is {self.pooling!r}; it must be one of {", ".join(POOLINGS)}')


def with_words(settings: PassSettings, words: Iterable[str]) -> PassSettings:
    """The settings with changes such as ``people.fusion.position=average`` or ``adjust_scale=false``.

    Raises:
        UsageError: a word is not NAME=VALUE, there is no such setting, or its value is of another kind.
    """
    values: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition('=')
        if not equals:
            raise UsageError(f'{word!r}: expected NAME=VALUE, such as people.fusion.position=average')
        values[name] = _value(_kind(settings, name), text, word)
    return changed(settings, values)


def _kind(settings: Any, name: str) -> type:
    """Type of a setting by its dotted path."""
    first, _, rest = name.partition('.')
    hints = get_type_hints(type(settings))
    if first not in hints:
        raise UsageError(f'unknown setting {first!r}; known are {", ".join(sorted(hints))}')
    inner = getattr(settings, first)
    if dataclasses.is_dataclass(inner):
        return _kind(inner, rest)
    return hints[first]


def _value(kind: type, text: str, word: str) -> Any:
    words = {'true': True, 'false': False}
    try:
        return words[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        raise UsageError(f'{word!r}: expected a {kind.__name__}') from None
