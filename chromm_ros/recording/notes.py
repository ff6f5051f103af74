"""What an offline run tells a person about its input."""

from __future__ import annotations

from collections.abc import Mapping

from chromm_ros.drop_reasons import DROP_REASONS
from chromm_ros.intake.recorded import THINNED, RecordedIntake


def notes_of(intake: RecordedIntake) -> tuple[str, ...]:
    """The findings of an intake as sentences."""
    return tuple(f'{camera}: {finding.text}' if camera else finding.text for camera, finding in intake.findings())


def left_out(dropped: Mapping[str, int]) -> str:
    """What was left out in one line, most first; empty: nothing. What the user asked to leave out is not told."""
    told = sorted(((count, reason) for reason, count in dropped.items() if count and reason != THINNED), reverse=True)
    return ', '.join(f'{count} {_words(reason)}' for count, reason in told)


def _words(reason: str) -> str:
    meaning = DROP_REASONS.get(reason)
    return f'{reason} ({meaning[0]})' if meaning else reason
