"""Pools of rendered scenes on disk for training: plain ``.npy`` files, mapped into memory.

A scene is one room seen by V cameras in three frames: A(t0) and A(t0 + dt) of one cast, and B(t0) of other people in
the same room. The layout is that of :data:`LAYOUT`; ``done`` says which scenes are complete, so a pool may be read
while it is being written and an interrupted one goes on where it stopped.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chromm_ros.skeleton import HEAD, JOINTS, POSE_ROTATIONS
from chromm_ros.synthetic.renderer import BodyShapes, Camera, Renderer
from chromm_ros.synthetic.rigs import Rig
from chromm_ros.synthetic.rooms import Room
from chromm_ros.synthetic.world import (
    IMAGE_SIZE,
    Actor,
    Scene,
    Truth,
    animate,
    embody,
    noise_seed,
    sample_cast,
    shared_renderer,
)

FRAMES = 3
"""A(t0), A(t0 + dt), B(t0)."""

STEPS = (0.12, 0.12, 0.4, 1.0)
"""Values that dt is drawn from [s]."""

BATCH = 8
"""Scenes that are skinned together."""

HORIZON = 4.0
"""Seconds that are planned per cast; t0 lies at least the longest dt before the end."""

LAYOUT: dict[str, tuple[type, tuple[str | int, ...]]] = {
    'images': (np.uint8, ('V', FRAMES, 'H', 'W', 3)),  # RGB
    'depth': (np.float16, ('V', FRAMES, 'H', 'W')),  # z [m]
    'instance': (np.uint8, ('V', FRAMES, 'H', 'W')),  # 0: nobody, k + 1: person k
    'intrinsics': (np.float32, ('V', 3, 3)),  # [px]
    'world_from_camera': (np.float32, ('V', 4, 4)),
    'people': (np.uint8, (FRAMES,)),  # how many of the K rows are people; the rest are zeros
    'betas': (np.float32, (FRAMES, 'K', 10)),
    'pose': (np.float32, (FRAMES, 'K', POSE_ROTATIONS, 3, 3)),
    'root_rotation': (np.float32, (FRAMES, 'K', 3, 3)),  # world from body
    'joints': (np.float32, (FRAMES, 'K', JOINTS, 3)),  # world [m]; pelvis 0, head 15
    'times': (np.float32, (FRAMES,)),  # [s]
    'done': (np.uint8, ()),
}
"""Arrays of a pool and their shapes after the leading number of scenes."""


@dataclass(frozen=True)
class PoolSettings:
    """What the scenes of a pool are like."""

    seed: int = 0
    views: int = 4
    most_people: int = 4
    image_size: tuple[int, int] = IMAGE_SIZE
    """Width, height [px]."""
    domain: str = 'studio'


class Pool:
    """Scenes on disk. ``pool.images[i]`` and the other names of LAYOUT are memory-mapped arrays."""

    images: np.ndarray
    depth: np.ndarray
    instance: np.ndarray
    intrinsics: np.ndarray
    world_from_camera: np.ndarray
    people: np.ndarray
    betas: np.ndarray
    pose: np.ndarray
    root_rotation: np.ndarray
    joints: np.ndarray
    times: np.ndarray
    done: np.ndarray

    def __init__(self, path: str | Path, mode: str = 'r'):
        self.path = Path(path)
        try:
            for name in LAYOUT:
                setattr(self, name, np.load(self.path / f'{name}.npy', mmap_mode='r+' if mode == 'r+' else 'r'))
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f'{self.path} is not a pool of scenes: {error}. Make one with render_pool.'
            ) from error

    def __len__(self) -> int:
        return len(self.done)

    @property
    def ready(self) -> np.ndarray:
        """Numbers of the scenes that are complete now."""
        return np.flatnonzero(self.done)

    @property
    def head(self) -> np.ndarray:
        """(N, 3, K, 3) head joints, world [m]."""
        return self.joints[..., HEAD, :]

    @property
    def pelvis(self) -> np.ndarray:
        """(N, 3, K, 3) world [m]."""
        return self.joints[..., 0, :]


def render_pool(
    path: str | Path, scenes: int, settings: PoolSettings | None = None, workers: int = 1, device: str = 'cpu'
) -> Pool:
    """Render ``scenes`` scenes into the folder ``path``, or go on with a pool that was interrupted.

    Scene ``i`` depends on the seed and ``i`` alone, not on the number of workers, nor on the device but for rounding.

    Raises:
        ValueError: the folder holds a pool of other settings.
    """
    settings = settings or PoolSettings()
    for _ in rendering_pool(path, scenes, settings, workers, device):
        pass
    return Pool(path)


def rendering_pool(
    path: str | Path, scenes: int, settings: PoolSettings, workers: int = 1, device: str = 'cpu'
) -> Iterator[int]:
    """As :func:`render_pool`, and yields the number of scenes that were added, batch by batch."""
    path = Path(path)
    _create(path, scenes, settings)
    missing = np.flatnonzero(Pool(path).done == 0)
    batches = [(path, settings, missing[start : start + BATCH], device) for start in range(0, len(missing), BATCH)]
    if workers <= 1:
        yield from map(_render_batch, batches)
        return
    # spawned, not forked: torch's threads do not survive a fork
    with multiprocessing.get_context('spawn').Pool(workers) as processes:
        yield from processes.imap_unordered(_render_batch, batches)


def _create(path: Path, scenes: int, settings: PoolSettings) -> None:
    card = {
        'scenes': scenes, 'seed': settings.seed, 'views': settings.views, 'most_people': settings.most_people,
        'image_size': list(settings.image_size), 'domain': settings.domain,
    }  # fmt: skip
    described = path / 'pool.json'
    if described.is_file():
        found = json.loads(described.read_text())
        if found != card:
            raise ValueError(f'{path} holds another pool: {found}, expected {card}. Choose another folder.')
        return
    path.mkdir(parents=True, exist_ok=True)
    width, height = settings.image_size
    sizes = {'V': settings.views, 'K': settings.most_people, 'H': height, 'W': width}
    for name, (dtype, shape) in LAYOUT.items():
        numbers = tuple(sizes[size] if isinstance(size, str) else size for size in shape)
        np.lib.format.open_memmap(path / f'{name}.npy', 'w+', dtype, (scenes, *numbers))
    described.write_text(json.dumps(card))  # last, so that a half-made folder is made again


@dataclass(frozen=True)
class _Plan:
    """One scene before it is drawn."""

    room: Room
    rig: Rig
    casts: tuple[list[Actor], list[Actor]]
    times: np.ndarray  # (3,)
    acts: tuple[Scene, Scene, Scene]


def _plan(settings: PoolSettings, index: int) -> _Plan:
    rng = np.random.default_rng([settings.seed, index])
    room = Room.sample(rng, settings.domain)
    rig = Rig.sample(rng, room, settings.views, settings.image_size)
    casts = tuple(sample_cast(rng, room, rig, (1, settings.most_people), HORIZON) for _ in range(2))
    start, step = rng.uniform(0, HORIZON - max(STEPS)), rng.choice(STEPS)
    times = np.array([start, start + step, start])
    both = animate(casts[0], times[:2])
    first, second = (_frame(both, t) for t in (0, 1))
    return _Plan(room, rig, (casts[0], casts[1]), times, (first, second, animate(casts[1], times[2:])))


def _frame(scene: Scene, t: int) -> Scene:
    here = slice(t, t + 1)
    return Scene(scene.betas[here], scene.pose[here], scene.root_rotation[here], scene.places[here])


def _render_batch(job: tuple[Path, PoolSettings, np.ndarray, str]) -> int:
    path, settings, numbers, device = job
    pool = Pool(path, 'r+')
    renderer = shared_renderer(device)
    plans = [_plan(settings, int(number)) for number in numbers]
    bodies = embody(
        renderer.body,
        [act for plan in plans for act in plan.acts],
        [plan.room for plan in plans for _ in range(FRAMES)],
    )
    for row, (number, plan) in enumerate(zip(numbers, plans)):
        _render_scene(pool, int(number), plan, bodies[FRAMES * row : FRAMES * (row + 1)], renderer, settings.seed)
        pool.done[number] = 1
    return len(numbers)


def _render_scene(
    pool: Pool, number: int, plan: _Plan, bodies: list[tuple[Truth, np.ndarray]], renderer: Renderer, seed: int
) -> None:
    figures: list[BodyShapes] = []
    for frame, (truth, skins) in enumerate(bodies):
        looks = [actor.looks for actor in plan.casts[frame // 2]]
        figures.append(renderer.dress(skins[0], looks, truth.pelvis[0, :, :2]))
        count = len(looks)
        pool.people[number, frame] = count
        pool.betas[number, frame, :count] = truth.betas[0]
        pool.pose[number, frame, :count] = truth.pose[0]
        pool.root_rotation[number, frame, :count] = truth.root_rotation[0]
        pool.joints[number, frame, :count] = truth.joints[0]
    pool.times[number] = plan.times
    poses = plan.rig.world_from_camera(np.zeros(1))[:, 0]
    pool.intrinsics[number], pool.world_from_camera[number] = plan.rig.intrinsics, poses
    for view, pose in enumerate(poses):
        camera = Camera(plan.rig.intrinsics[view], pose, plan.rig.image_size)
        background = renderer.background(plan.room, camera)
        for frame in range(FRAMES):
            noise = noise_seed(seed + number, view, frame)
            exposure = plan.rig.exposures[view]
            picture = renderer.draw(plan.room, camera, background, figures[frame], exposure, noise)
            pool.images[number, view, frame] = picture.image
            pool.depth[number, view, frame] = picture.depth
            pool.instance[number, view, frame] = picture.instance
