"""A room, a rig and people whose doings are known at any time. Everything derives from one seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.skeleton import HEAD
from chromm_ros.synthetic.motion import pose_from_angles
from chromm_ros.synthetic.people import Looks
from chromm_ros.synthetic.planner import Planner
from chromm_ros.synthetic.renderer import Background, Camera, NumbaRenderer, Renderer
from chromm_ros.synthetic.rigs import Rig
from chromm_ros.synthetic.rooms import Room
from chromm_ros.synthetic.routes import Route

IMAGE_SIZE = (192, 144)
"""Width and height of the pictures that the tiny network sees [px]."""


@dataclass(frozen=True)
class Actor:
    """One person: looks and doings."""

    looks: Looks
    route: Route


@dataclass(frozen=True)
class Truth:
    """What is true of K people at T times, world frame."""

    betas: np.ndarray  # (T, K, 10)
    pose: np.ndarray  # (T, K, 52, 3, 3)
    root_rotation: np.ndarray  # (T, K, 3, 3) world from body
    joints: np.ndarray  # (T, K, 55, 3) [m]
    present: np.ndarray  # (T, K) bool: inside the room

    @property
    def head(self) -> np.ndarray:
        """(T, K, 3) head joint [m]."""
        return self.joints[..., HEAD, :]

    @property
    def pelvis(self) -> np.ndarray:
        """(T, K, 3) [m]"""
        return self.joints[..., 0, :]


@dataclass(frozen=True)
class Frames:
    """T image sets of V cameras with their truth."""

    times: np.ndarray  # (T,) [s]
    images: np.ndarray  # (V, T, H, W, 3) uint8 RGB
    depth: np.ndarray  # (V, T, H, W) float32 z [m]
    instance: np.ndarray  # (V, T, H, W) uint8: 0 nobody, k + 1 person k
    intrinsics: np.ndarray  # (V, T, 3, 3) [px]
    world_from_camera: np.ndarray  # (V, T, 4, 4)
    truth: Truth


@dataclass(frozen=True)
class Scene:
    """People at T times before they get a skin: what :func:`embody` needs."""

    betas: np.ndarray  # (T, K, 10)
    pose: np.ndarray  # (T, K, 52, 3, 3)
    root_rotation: np.ndarray  # (T, K, 3, 3) world from body
    places: np.ndarray  # (T, K, 2) pelvis over the floor [m]


class World:
    """People in a room, seen by cameras, at any time in seconds; after ``duration`` it begins again."""

    def __init__(self, room: Room, rig: Rig, cast: Sequence[Actor], seed: int = 0, renderer: Renderer | None = None):
        self.room = room
        self.rig = rig
        self.cast = tuple(cast)
        self.seed = seed
        self._renderer = renderer
        self._backgrounds: dict[int, Background] = {}

    @classmethod
    def sample(
        cls,
        seed: int,
        views: int = 4,
        people: tuple[int, int] = (1, 4),
        image_size: tuple[int, int] = IMAGE_SIZE,
        moving: bool = False,
        domain: str = 'studio',
        duration: float = 60.0,
        renderer: Renderer | None = None,
    ) -> World:
        """A world at random; the same seed gives the same pictures.

        Args:
            views: cameras, 1 to 8.
            people: least and most people.
            image_size: width and height [px].
            moving: the cameras move.
            domain: ``studio`` or ``generic``, see :mod:`chromm_ros.synthetic.rooms`.
            duration: seconds until everything begins again. From 45 s on without a jump, and the first of several
                people goes out by the door once and comes back.
            renderer: default: the CPU's.
        """
        rng = np.random.default_rng(seed)
        room = Room.sample(rng, domain)
        rig = Rig.sample(rng, room, views, image_size, moving)
        return cls(room, rig, sample_cast(rng, room, rig, people, duration), seed, renderer)

    @cached_property
    def renderer(self) -> Renderer:
        """What draws this world."""
        return self._renderer or shared_renderer()

    def scene(self, times: np.ndarray) -> Scene:
        """The people at (T,) seconds."""
        return animate(self.cast, times)

    def people(self, times: np.ndarray | float) -> Truth:
        """The truth at (T,) seconds (or at one time: T = 1)."""
        return embody(self.renderer.body, [self.scene(np.atleast_1d(times))], [self.room])[0][0]

    def cameras(self, times: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        """Intrinsics (V, 3, 3) [px] and ``world_from_camera`` (V, T, 4, 4); (V, 4, 4) for one time."""
        poses = self.rig.world_from_camera(np.atleast_1d(times))
        return self.rig.intrinsics, poses if np.ndim(times) else poses[:, 0]

    def render(self, times: np.ndarray | float) -> Frames:
        """Pictures and truth at (T,) seconds (or at one time: T = 1)."""
        times = np.atleast_1d(np.asarray(times, float))
        [(truth, skins)] = embody(self.renderer.body, [self.scene(times)], [self.room])
        poses = self.rig.world_from_camera(times)
        figures = [self.renderer.dress(skins[t], self._looks, truth.pelvis[t, :, :2]) for t in range(len(times))]
        views = len(self.rig.places)
        rows = []
        for view in range(views):
            for t, time in enumerate(times):
                camera = Camera(self.rig.intrinsics[view], poses[view, t], self.rig.image_size)
                noise = noise_seed(self.seed, view, time)
                background = self._background(view, camera)
                exposure = self.rig.exposures[view]
                rows.append(self.renderer.draw(self.room, camera, background, figures[t], exposure, noise))
        shape = (views, len(times))
        return Frames(
            times=times,
            images=np.stack([row.image for row in rows]).reshape(*shape, *rows[0].image.shape),
            depth=np.stack([row.depth for row in rows]).reshape(*shape, *rows[0].depth.shape),
            instance=np.stack([row.instance for row in rows]).reshape(*shape, *rows[0].instance.shape),
            intrinsics=np.repeat(self.rig.intrinsics[:, None], len(times), 1),
            world_from_camera=poses,
            truth=truth,
        )

    @property
    def _looks(self) -> list[Looks]:
        return [actor.looks for actor in self.cast]

    def _background(self, view: int, camera: Camera) -> Background:
        if self.rig.moving:
            return self.renderer.background(self.room, camera)
        if view not in self._backgrounds:
            self._backgrounds[view] = self.renderer.background(self.room, camera)
        return self._backgrounds[view]


@cache
def shared_renderer(device: str = 'cpu') -> Renderer:
    """What draws on a device, made once per process: compiled loops on the CPU, torch elsewhere."""
    if device == 'cpu':
        return NumbaRenderer()
    from chromm_ros.synthetic.torch_renderer import TorchRenderer

    return TorchRenderer(device)


def sample_cast(
    rng: np.random.Generator, room: Room, rig: Rig, people: tuple[int, int], duration: float
) -> list[Actor]:
    """People for a room, planned so that they keep clear of the cameras and of one another."""
    planner = Planner(room, rig.places[:, :2], duration)
    count = int(rng.integers(people[0], people[1] + 1))
    return [Actor(Looks.sample(rng), planner.plan(rng, leaves=k == 0 and count > 1)) for k in range(count)]


def animate(cast: Sequence[Actor], times: np.ndarray) -> Scene:
    """Pose, facing and place of every actor at (T,) seconds."""
    count = len(times)
    if not cast:
        return Scene(np.zeros((count, 0, 10)), np.zeros((count, 0, 52, 3, 3), np.float32),
                     np.zeros((count, 0, 3, 3)), np.zeros((count, 0, 2)))  # fmt: skip
    places, headings, angles = zip(*(actor.route.at(times) for actor in cast))
    heading = np.stack(headings, 1)
    cos, sin, zero, one = np.cos(heading), np.sin(heading), np.zeros_like(heading), np.ones_like(heading)
    # columns: where the body's x (its left), y (up) and z (front) point in the world
    root = np.stack([-sin, zero, cos, cos, zero, sin, zero, one, zero], -1).reshape(*heading.shape, 3, 3)
    return Scene(
        betas=np.repeat(np.stack([actor.looks.betas for actor in cast])[None], count, 0),
        pose=pose_from_angles(np.stack(angles, 1)),
        root_rotation=root,
        places=np.stack(places, 1),
    )


def embody(body: BodyModel, scenes: Sequence[Scene], rooms: Sequence[Room]) -> list[tuple[Truth, np.ndarray]]:
    """Skin the people of several scenes in one batch and stand them on the floor.

    Returns:
        per scene the truth and the skins (T, K, N, 3), world [m].
    """

    def flat(name: str) -> torch.Tensor:
        arrays = [getattr(scene, name).reshape(-1, *getattr(scene, name).shape[2:]) for scene in scenes]
        return torch.as_tensor(np.concatenate(arrays), dtype=torch.float32, device=body.template.device)

    with torch.no_grad():
        skin, bones = body.skin_and_joints(flat('betas'), flat('pose'), flat('root_rotation'))
        # somebody touches the floor with the lowest point of the skin, whatever the pose
        lift = torch.cat([flat('places'), -skin[..., 2].amin(-1, keepdim=True)], -1)[:, None]
        skins, joints = (skin + lift).cpu().numpy(), (bones + lift).cpu().numpy()
    results, start = [], 0
    for scene, room in zip(scenes, rooms):
        times, people = scene.places.shape[:2]
        here = slice(start, start + times * people)
        start += times * people
        truth = Truth(
            betas=scene.betas,
            pose=scene.pose,
            root_rotation=scene.root_rotation,
            joints=joints[here].reshape(times, people, *joints.shape[1:]),
            present=room.contains(scene.places),
        )
        results.append((truth, skins[here].reshape(times, people, *skins.shape[1:])))
    return results


def noise_seed(seed: int, view: int, time: float) -> int:
    """Seed of the image noise of one view at one time, to the microsecond."""
    return int(np.random.SeedSequence([seed, view, round(abs(time) * 1e6)]).generate_state(1)[0])
