"""Rigs with which something is wrong, in many random rooms: how many are published, and how many of them wrongly.

    python test/support/wrong_rigs.py --first 2000400 --count 16 late_clock exchanged_lenses good

A rig is wrong where a published camera is 25 cm or 4 degrees off after the best similarity.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from rig_sightings import BODY, LIMBS, Faults, errors, priors, sightings

from chromm_ros.people.self_calibration.estimate import CameraPrior
from chromm_ros.people.self_calibration.sightings import Sighting
from chromm_ros.people.self_calibration.verify import calibrate
from chromm_ros.synthetic.estimates import Stage, crowd

STEP = 0.1
"""Seconds between the steps of a stage; every fifth is a sighting."""
FARTHEST, WIDEST = 0.25, 4.0
"""Distance [m] and angle [deg] from which a camera is wrong."""

Case = tuple[list[Sighting], dict[str, CameraPrior]]


@dataclass(frozen=True)
class Room:
    """Two to five cameras, one to three people, 8 to 27 times half a second apart."""

    stage: Stage
    faults: Faults
    seed: int
    rng: np.random.Generator

    @staticmethod
    def of(seed: int) -> Room:
        rng = np.random.default_rng(seed)
        views, people, times = rng.integers(2, 6), rng.integers(1, 4), rng.integers(8, 28)
        stage = crowd(
            int(views), int(times) * 5 + 30, int(people), seed, BODY, interval=STEP, spread=rng.uniform(1.2, 2.6)
        )
        noise, bias, turn, missed = (
            float(rng.uniform(*ends)) for ends in ((0.008, 0.02), (0.01, 0.03), (0.08, 0.2), (0.02, 0.15))
        )
        return Room(stage, Faults(noise, bias, turn_bias=turn, dropout=missed), seed, rng)

    def seen(self, late: int = 0, stage: Stage | None = None) -> list[Sighting]:
        """Its sightings, as they were ``late`` steps ago."""
        stage = stage or self.stage
        steps = np.arange(20, len(stage.times) - 10, 5) - late
        truth = {name: getattr(stage.truth, name)[steps] for name in stage.truth.__dataclass_fields__}
        part = replace(
            stage,
            truth=replace(stage.truth, **truth),
            world_from_camera=stage.world_from_camera[:, steps],
            times=stage.times[steps],
        )
        return sightings(part, self.seed, self.faults)


def good(room: Room) -> Case:
    return room.seen(), priors(room.stage)


def good_without_lenses(room: Room) -> Case:
    return room.seen(), priors(room.stage, float(np.exp(0.15 * room.rng.normal())))


def late_clock(room: Room) -> Case:
    """The images of one camera are 0.2 s older than their stamps."""
    view = f'camera{room.rng.integers(len(room.stage.intrinsics))}'
    both = zip(room.seen(), room.seen(late=2))
    return [Sighting(now.stamp, {**now.views, view: then.views[view]}) for now, then in both], priors(room.stage)


def exchanged_lenses(room: Room) -> Case:
    """One camera has a lens of its own, and another one claims to have it."""
    lenses = room.stage.intrinsics.copy()
    one = int(room.rng.integers(len(lenses)))
    lenses[one, [0, 1], [0, 1]] *= room.rng.uniform(1.4, 1.9)
    seen = room.seen(stage=replace(room.stage, intrinsics=lenses))
    claimed = np.arange(len(lenses))
    other = (one + 1) % len(lenses)
    claimed[[one, other]] = other, one
    return seen, priors(replace(room.stage, intrinsics=lenses[claimed]))


def wrong_lens(room: Room) -> Case:
    """One camera claims a lens that it does not have."""
    lenses = room.stage.intrinsics.copy()
    lenses[room.rng.integers(len(lenses)), [0, 1], [0, 1]] *= room.rng.choice([0.6, 0.7, 1.4, 1.7])
    return room.seen(), priors(replace(room.stage, intrinsics=lenses))


KINDS: dict[str, Callable[[Room], Case]] = {
    kind.__name__: kind for kind in (good, good_without_lenses, late_clock, exchanged_lenses, wrong_lens)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--first', type=int, default=1_000_000)
    parser.add_argument('--count', type=int, default=16)
    parser.add_argument('kinds', nargs='*', help=f'of {", ".join(KINDS)}; default: all')
    asked = parser.parse_args()
    for kind in asked.kinds or KINDS:
        published, cameras, wrong = 0, 0, []
        for seed in range(asked.first, asked.first + asked.count):
            room = Room.of(seed)
            found = calibrate(*KINDS[kind](room), LIMBS).world_from_camera
            published, cameras = published + (len(found) > 0), cameras + len(found)
            place, turn = errors(found, room.stage) if len(found) > 1 else (0.0, 0.0)
            if place > FARTHEST or turn > WIDEST:
                wrong.append(f'{seed}: {len(found)} cameras, {place:.2f} m, {turn:.1f} deg')
        print(
            f'{kind}: {published} of {asked.count} published, {cameras} cameras, wrong {wrong or "none"}', flush=True
        )


if __name__ == '__main__':
    main()
