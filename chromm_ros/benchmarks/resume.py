"""What it costs that an interrupted reconstruction can go on: time and bytes, as a recording gets longer."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from json import dumps
from pathlib import Path

import numpy as np
from torch import set_num_threads

from chromm_ros.body.model import BodyModel
from chromm_ros.capture.capture import Capture
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.flow import ImageSet, ViewImage
from chromm_ros.network.chromm import Chromm
from chromm_ros.recording.reconstruct import RESUME, SAVING_SHARE, STEPS, reconstruct
from chromm_ros.settings import changed
from chromm_ros.synthetic.world import Frames, World

PICTURES = 20
"""Image sets that are rendered; the recording goes through them there and back, so that nobody jumps."""

SAMPLES = 4
"""Times at which the sizes of the files are looked at."""


def bench_resume(
    minutes: float = 10.0,
    rate: float = 4.0,
    views: int = 4,
    people: int = 3,
    json: Path | None = None,
) -> int:
    """Reconstruct a long synthetic recording with the tiny preset, and see what saving its state costs.

    Args:
        minutes: length of the recording.
        rate: image sets per second.
        views: cameras.
        people: in the room.
        json: file for the numbers.
    """
    set_num_threads(1)
    frames = World.sample(1_000_000, views=views, people=(people, people)).render(np.arange(PICTURES) / rate)
    with tempfile.TemporaryDirectory() as folder:
        source = Recording(frames, round(60 * minutes * rate), rate, Path(folder))
        settings = changed(CaptureSettings(), {'window_size': 25, 'window_stride': 22, 'max_gap': 3600.0})
        network, body = Chromm.from_preset('tiny'), BodyModel.load()
        summary = reconstruct(source, Capture(network, body, settings, source.views), body, Path(folder))
    share = summary.saving_seconds / summary.seconds
    print(f'{minutes:g} min at {rate:g} Hz, {views} cameras: {summary.windows} windows in {summary.seconds:.1f} s')
    print(f'saving          {summary.saving_seconds:.2f} s, {100 * share:.2f} % (goal {100 * SAVING_SHARE:g} %)')
    for image_sets, state, steps in source.sizes:
        print(f'{image_sets:>6} image sets: state {state / 1e6:6.1f} MB, steps {steps / 1e6:6.1f} MB')
    if json is not None:
        json.parent.mkdir(parents=True, exist_ok=True)
        numbers = {
            'seconds': summary.seconds,
            'saving': summary.saving_seconds,
            'share': share,
            'bytes': source.sizes,
        }
        json.write_text(dumps(numbers, indent=1) + '\n')
    return 0 if share <= SAVING_SHARE else 1


@dataclass
class Recording:
    """A long recording out of few pictures, which watches the folder that its reconstruction is saved in."""

    frames: Frames
    count: int
    rate: float
    folder: Path
    notes: tuple[str, ...] = ()
    dropped: dict[str, int] = field(default_factory=dict)
    sizes: list[tuple[int, int, int]] = field(default_factory=list)
    """(image sets so far, bytes of the state, bytes of the steps)."""

    @property
    def views(self) -> tuple[str, ...]:
        return tuple(f'camera_{view}' for view in range(len(self.frames.images)))

    def __iter__(self) -> Iterator[ImageSet]:
        there_and_back = [*range(PICTURES), *range(PICTURES - 2, 0, -1)]
        for number in range(self.count):
            if number and number % max(self.count // SAMPLES, 1) == 0:
                self.sizes.append((number, _size(self.folder / RESUME), _size(self.folder / STEPS)))
            step, stamp = there_and_back[number % len(there_and_back)], round(1e9 * number / self.rate)
            yield ImageSet(
                stamp,
                {
                    name: ViewImage(
                        self.frames.images[view, step],
                        stamp,
                        self.frames.intrinsics[view, step],
                        self.frames.world_from_camera[view, step],
                    )
                    for view, name in enumerate(self.views)
                },
            )


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
