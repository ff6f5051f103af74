"""When cameras that were started by hand began: offsets from what all of them saw or heard.

Every camera gives a signal over its own time: how much moves in each part of its picture, or how its sound grows
louder. Two cameras are shifted against each other until what happens in one is best explained by what happens in the
other. The certainty comes from the recording itself: parts of it, taken alone, and third cameras must say the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from chromm_ros.recording.sources import VIDEOS, FileSource

STEP = 0.02
"""Seconds between the samples of a signal."""
LEAST_OVERLAP = 2.0
"""Seconds that two cameras must have in common, and at least half of the shorter one."""
PARTS = 3
"""Into so many parts a recording is cut to see whether they agree."""
QUIET = 0.2
"""A part with less than this share of what happens in the liveliest one is quiet."""
ONE_PART = 0.75
"""Agreement where all happens in one part."""
AGREEMENT = 0.15
"""Seconds within which they agree."""
CERTAIN = 0.7
"""Certainty from which an offset is used."""
CLEAR = 4.0
"""A best shift that stands out from its rivals by a quarter of its height is as certain as can be."""
CONTRADICTED = 0.5
"""What is left of the certainty of an offset that no third camera confirms."""
RIVAL = 0.4
"""Seconds from the best shift from which another one is a rival."""
GRID = (3, 4)
"""Rows and columns of parts of a picture."""
SIZE = (96, 72)
SMOOTH = 2.0
"""Seconds over which the usual level of a signal is taken."""
RIDGE = 0.05


@dataclass(frozen=True)
class Signal:
    """What one camera noticed."""

    start: float  # [s] of the first sample, in the time of the camera
    samples: np.ndarray  # (T, C) every STEP seconds


@dataclass(frozen=True)
class FoundOffset:
    """When a camera began, against the first one."""

    camera: str
    seconds: float
    """To be added to its stamps."""
    certainty: float
    """0 to 1; below :data:`CERTAIN` it is not used."""
    how: str
    """sound or motion."""

    @property
    def used(self) -> bool:
        return self.certainty >= CERTAIN

    def sentence(self) -> str:
        """For a person."""
        words = f'{self.camera}: began {self.seconds:+.3f} s after the first camera by its {self.how}, certainty '
        words += f'{self.certainty:.0%}'
        if self.used:
            return words
        return f'{words}: too little to be used; give --offset {self.camera}=SECONDS, or clap once in sight of all'


def find_offsets(signals: Mapping[str, Signal], how: str) -> list[FoundOffset]:
    """The offset of every camera but the first.

    With three cameras or more, the way by a third camera says the offset of two once more. Where it agrees it adds
    its own certainty, that of its weaker half; where none agrees the offset is doubted. Motion that repeats
    itself agrees at wrong shifts, too, but is certain nowhere.

    Args:
        signals: by camera.
        how: what the signals are, for the report.
    """
    first, *others = signals
    pairs = {
        (one, other): _offset(signals[one], signals[other]) for one in signals for other in others if one != other
    }
    found = []
    for camera in others:
        seconds, certainty = pairs[first, camera]
        ways = [(pairs[first, third], pairs[third, camera]) for third in others if third != camera]
        agreeing = [min(a[1], b[1]) for a, b in ways if abs(a[0] + b[0] - seconds) <= AGREEMENT]
        if agreeing:
            certainty = 1.0 - (1.0 - certainty) * (1.0 - max(agreeing))
        elif ways:
            certainty *= CONTRADICTED
        found.append(FoundOffset(camera, seconds, certainty, how))
    return found


def synchronise(source: FileSource, how: str) -> list[FoundOffset]:
    """The offsets of the cameras of videos or folders, from the recording itself.

    Args:
        source: two cameras or more.
        how: sound, motion, or auto: the sound where every camera has it.

    Raises:
        ValueError: there is nothing to go by, or it does not say enough; the message says for which camera.
    """
    if len(source.views) < 2:
        raise ValueError('one camera has nobody to be synchronised with')
    heard = {name: sound_signal(path) for name, path in zip(source.views, source.paths)} if how != 'motion' else {}
    sounds = {name: signal for name, signal in heard.items() if signal is not None}
    if how == 'sound' and len(sounds) < len(source.views):
        raise ValueError(f'no sound to synchronise by: {", ".join(set(source.views) - set(sounds))} have none')
    if sounds and len(sounds) == len(source.views):
        found = find_offsets(sounds, 'sound')
        if how == 'sound' or all(one.used for one in found):
            return _certain(found)
    return _certain(find_offsets({name: motion_signal(source.frames_of(name)) for name in source.views}, 'motion'))


def _certain(found: list[FoundOffset]) -> list[FoundOffset]:
    if not all(one.used for one in found):
        raise ValueError('the cameras could not be synchronised: ' + '; '.join(one.sentence() for one in found))
    return found


def motion_signal(frames: Iterable[tuple[float, np.ndarray]]) -> Signal:
    """How much changes in each part of the picture.

    Args:
        frames: (time [s], (H, W, 3) uint8) in order.
    """
    times, energies = [], []
    last: tuple[float, np.ndarray] | None = None
    for time, pixels in frames:
        small = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), SIZE, interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (3, 3), 0).astype(np.float32)
        if last is not None and time > last[0]:
            change = np.abs(small - last[1])
            change[change < 4] = 0  # noise of the sensor
            parts = change.reshape(GRID[0], SIZE[1] // GRID[0], GRID[1], SIZE[0] // GRID[1]).mean((1, 3))
            times.append(0.5 * (time + last[0]))
            energies.append(parts.ravel() / (time - last[0]))
        last = time, small
    return _resampled(np.array(times), np.log1p(np.array(energies)))


def sound_signal(path: Path) -> Signal | None:
    """How the loudness of a video's sound grows; None: it has none."""
    times: list[float] = []
    levels: list[float] = []
    if path.suffix.lower() not in VIDEOS:
        return None
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return None
        resampler = av.AudioResampler(format='flt', layout='mono', rate=16000)
        for frame in container.decode(container.streams.audio[0]):
            for part in resampler.resample(frame):
                samples = part.to_ndarray().ravel()
                block = samples[: len(samples) // 80 * 80].reshape(-1, 80)
                known = part.pts is not None and part.time_base is not None
                start = float(part.pts * part.time_base) if known else len(times) * 0.005  # type: ignore[operator]
                times.extend(start + 0.005 * np.arange(len(block)))
                levels.extend(np.sqrt((block**2).mean(1) + 1e-10))
    if len(levels) < 100:
        return None
    loudness = np.log(np.array(levels))
    grows = np.maximum(np.diff(loudness, prepend=loudness[0]), 0)
    return _resampled(np.array(times), np.convolve(grows, np.ones(4), 'same')[:, None])


def _resampled(times: np.ndarray, values: np.ndarray) -> Signal:
    """Even samples without their usual level, each channel of unit size."""
    if len(times) < 2:
        return Signal(0.0, np.zeros((0, 1)))
    even = np.arange(times[0], times[-1], STEP)
    samples = np.stack([np.interp(even, times, channel) for channel in values.T], 1)
    width = max(1, round(SMOOTH / STEP))
    usual = cv2.blur(samples.astype(np.float32), (1, width), borderType=cv2.BORDER_REFLECT)
    samples = samples - usual
    return Signal(float(even[0]), samples / (samples.std(0) + 1e-6))


def _offset(first: Signal, second: Signal) -> tuple[float, float]:
    """Seconds to add to the stamps of the second camera, and how certain that is."""
    lags, scores = _scores(first, second)
    if not len(lags) or scores.max() <= 0:
        return 0.0, 0.0
    best = int(np.argmax(scores))
    seconds = _refined(lags, scores, best)
    rivals = scores[np.abs(lags - lags[best]) > RIVAL]
    if not len(rivals):
        return seconds, 0.0
    usual = float(np.median(scores))
    clear = 1.0 - max(float(rivals.max()) - usual, 0.0) / max(float(scores[best]) - usual, 1e-9)
    return seconds, float(np.clip(CLEAR * clear, 0, 1) * _agreement(first, second, seconds))


def _scores(first: Signal, second: Signal, window: tuple[int, int] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Shifts [s], and how well the signals go together at each; ``window``: samples of the second to look at."""
    begin, end = window or (0, len(second.samples))
    part = second.samples[begin:end]
    least = max(round(LEAST_OVERLAP / STEP), min(len(first.samples), len(part)) // 2)
    shifts = np.arange(least - len(part), len(first.samples) - least + 1)
    if not len(shifts) or not len(part):
        return np.zeros(0), np.zeros(0)
    channels = first.samples.shape[1] * part.shape[1]
    length = len(first.samples) + len(part)
    one, two = np.fft.rfft(first.samples, length, axis=0), np.fft.rfft(part, length, axis=0)
    total = np.zeros(len(shifts))
    for a in range(one.shape[1]):
        for b in range(two.shape[1]):
            cross = np.fft.irfft(one[:, a] * two[:, b].conj(), length)[shifts]
            total += np.maximum(cross, 0) ** 2 if channels > 1 else np.maximum(cross, 0)
    common = np.minimum(len(first.samples), shifts + len(part)) - np.maximum(0, shifts)
    scores = np.sqrt(total / channels) / common if channels > 1 else total / common
    scores = scores * np.sqrt(common / common.max())  # little in common agrees by chance
    return first.start - second.start + (shifts - begin) * STEP, scores


def _refined(lags: np.ndarray, scores: np.ndarray, best: int) -> float:
    """The top of the parabola through the best shift and its neighbours [s]."""
    if not 0 < best < len(lags) - 1:
        return float(lags[best])
    left, top, right = scores[best - 1 : best + 2]
    bend = left - 2 * top + right
    return float(lags[best] + (0.0 if bend >= 0 else 0.5 * STEP * (left - right) / bend))


def _agreement(first: Signal, second: Signal, seconds: float) -> float:
    """Share of the parts of the second signal that by themselves say about the same; parts in which next to nothing
    happens are not asked. All in one part, as a clap in a quiet room, confirms nothing and contradicts nothing."""
    edges = np.linspace(0, len(second.samples), PARTS + 1).astype(int)
    parts = [(begin, end) for begin, end in itertools.pairwise(edges) if (end - begin) * STEP >= LEAST_OVERLAP]
    happens = [float(np.square(second.samples[begin:end]).mean()) for begin, end in parts]
    agreeing, asked = 0, 0
    for part, amount in zip(parts, happens):
        lags, scores = _scores(first, second, part)
        near = np.abs(lags - seconds) <= AGREEMENT
        if amount >= QUIET * max(happens) and len(lags) and near.any():
            asked += 1
            agreeing += scores[near].max() >= 0.85 * scores.max()
    if asked > 1:
        return agreeing / asked
    return ONE_PART if agreeing and len(parts) > 1 else 0.5
