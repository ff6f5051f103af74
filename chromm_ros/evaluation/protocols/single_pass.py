"""CHROMM on some instants in a single pass, as the paper runs it: the stages of the capture without its memory.

encode -> decode, heads -> scale (eq. 3) -> tracking, association, fusion, all instants together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from chromm_ros.body.library import BodyLibrary
from chromm_ros.capture.window.network_pass import run_network
from chromm_ros.capture.window.stages import StageClock
from chromm_ros.capture.window.windows import Placed, RollingWindow, Row, WindowStep, join_features, stack_people
from chromm_ros.evaluation.protocols.estimates import Estimates
from chromm_ros.evaluation.protocols.images import Seen
from chromm_ros.evaluation.protocols.pass_settings import ALONE, PassSettings
from chromm_ros.flow import People, Tracklets, ViewImage, ViewPeople
from chromm_ros.geometry.cameras import project
from chromm_ros.people import associate, pooled_tokens, reconstruct_people, rescaled, scale_ratio
from chromm_ros.people.fusion import Body
from chromm_ros.skeleton import BODY_JOINTS, HEAD, JOINTS, POSE_JOINTS

NO_PIXELS = np.zeros((0, 0, 3), np.uint8)
"""An encoded image needs no pixels; a hundred of them would fill the memory."""


class SinglePass:
    """A network, with tracking, association and fusion behind it."""

    def __init__(self, network: Any, body: Body, bodies: BodyLibrary, settings: PassSettings) -> None:
        """
        Args:
            network: CHROMM (:class:`chromm_ros.network.chromm.Chromm`), or whatever behaves like it.
            body: the body model that the network speaks of.
            bodies: the files that the joints to be compared come from.
        """
        self.network = network
        self.body = body
        self.bodies = bodies
        self.settings = settings

    def __call__(self, seen: Iterable[Seen], views: tuple[str, ...]) -> Estimates:
        """Estimates of all instants in one world.

        Args:
            seen: from :func:`chromm_ros.evaluation.protocols.images.read_images`.

        Raises:
            OSError, ValueError: an image is missing, or the network gave NaN or Inf.
        """
        window, frames = self._encoded(seen)
        decoded = run_network(self.network, window.rows(), (), False, StageClock())
        if not decoded.finite:
            raise ValueError(f'the network gave NaN or Inf for frames {frames[0]} to {frames[-1]}')
        poses = [
            pose if row.given_pose is None else row.given_pose
            for row, pose in zip(decoded.rows, decoded.world_from_camera)
        ]
        window.place(
            [
                Placed(decoded.people.take(n), lens, pose)
                for n, (lens, pose) in enumerate(zip(decoded.intrinsics, poses))
            ]
        )
        people = stack_people(tuple(window.steps), views)
        if self.settings.adjust_scale:
            placed = rescaled(people, scale_ratio(people, self.settings.people.scale).ratio)
            given = people.given[..., None, None]
            poses_in_use = np.where(given, people.world_from_camera, placed.world_from_camera)
            people = dataclasses.replace(placed, world_from_camera=poses_in_use)
        tracklets, fused = reconstruct_people(people, self.settings.people, self.network.errors, self.body)
        if self.settings.pooling == 'max':
            tokens = self.network.fused_tokens(join_features(window.rows()), decoded.geometry).float().cpu().numpy()
            fused = self._pooled(people, fused, _by_view(tokens, window, views))
        return self._estimates(np.array(frames), views, people, fused, self._associations(people, tracklets))

    def _encoded(self, seen: Iterable[Seen]) -> tuple[RollingWindow, list[int]]:
        steps: list[WindowStep] = []
        frames = []
        scene_size = None
        settings = self.settings
        for instant, images in seen:
            features = self.network.encode(list(images.values()), scene_size=scene_size)
            scene_size = features.scene_size
            stamp = round(instant.time * 1e9)
            rows = {}
            for n, view in enumerate(instant.views):
                image = ViewImage(NO_PIXELS, stamp, view.lens.intrinsics if settings.known_intrinsics else None)
                given = view.world_from_camera if settings.known_cameras else None
                rows[view.name] = Row(view.name, image, features.take([n]), given)
            steps.append(WindowStep(stamp, rows))
            frames.append(instant.frame)
        window = RollingWindow(len(steps))
        window.steps.extend(steps)
        return window, frames

    def _associations(self, people: ViewPeople, tracklets: Tracklets) -> dict[str, np.ndarray]:
        """(V, T, M) identities by pose alone and by position alone, by the name of their array."""
        if not self.settings.compare_associations:
            return {}
        settings, errors = self.settings.people.association, self.network.errors
        return {
            f'detection_id_{name}': associate(people, tracklets, dataclasses.replace(settings, **weights), errors)
            for name, weights in ALONE.items()
        }

    def _pooled(self, people: ViewPeople, fused: People, tokens: np.ndarray) -> People:
        """The people with pose and shape decoded from the maximum of their tokens (V, T, M, D) over the views."""
        pooled = pooled_tokens(dataclasses.replace(people, token=tokens), fused.identity)
        flat = torch.from_numpy(pooled.reshape(-1, pooled.shape[-1]))
        pose, betas = (part.float().cpu().numpy() for part in self.network.canonical_bodies(flat))
        shape = fused.valid.shape
        return dataclasses.replace(fused, pose=pose.reshape(*shape, -1, 3, 3), betas=betas.reshape(*shape, -1))

    def _estimates(
        self,
        frames: np.ndarray,
        views: tuple[str, ...],
        people: ViewPeople,
        fused: People,
        associations: dict[str, np.ndarray],
    ) -> Estimates:
        step, person = np.nonzero(fused.valid)
        joints, layout = body_joints(
            self.bodies,
            fused.betas[step, person],
            fused.pose[step, person],
            fused.root_rotation[step, person],
            fused.head[step, person],
            self.settings.layout,
        )
        view, at, detection = np.nonzero(people.valid)
        local = people.joints[view, at, detection][:, :BODY_JOINTS]
        pixels = project(local, people.intrinsics[view, at])
        seen = people.seen.T[..., None, None]
        return Estimates(
            frames=frames,
            views=views,
            world_from_camera=np.where(seen, np.moveaxis(people.world_from_camera, 0, 1), np.nan),
            intrinsics=np.where(seen, np.moveaxis(people.intrinsics, 0, 1), np.nan),
            person_frame=frames[step],
            person_id=person,
            joints=joints,
            joint_names=layout,
            detection_frame=frames[at],
            detection_view=view,
            detection_id=fused.identity[view, at, detection],
            detection_joints=pixels,
            **{name: identity[view, at, detection] for name, identity in associations.items()},
        )


def _by_view(values: np.ndarray, window: RollingWindow, views: tuple[str, ...]) -> np.ndarray:
    """Values (F, ...) of the rows of a window as (V, T, ...); zeros where a view gave no image."""
    result = np.zeros((len(views), len(window.steps), *values.shape[1:]), values.dtype)
    places = [(views.index(view), t) for t, step in enumerate(window.steps) for view in step.rows]
    for place, value in zip(places, values):
        result[place] = value
    return result


def body_joints(
    bodies: BodyLibrary,
    betas: np.ndarray,
    pose: np.ndarray,
    root: np.ndarray,
    head: np.ndarray,
    layout: str = 'smpl24',
) -> tuple[np.ndarray, str]:
    """(N, J, 3) joints of people whose head joint is at ``head`` (N, 3), and their layout.

    Args:
        betas: (N, 10).
        pose: (N, 52, 3, 3) CHROMM's theta.
        root: (N, 3, 3) world from body.
        layout: ``smpl24`` or ``coco17``; without the files that it needs, the joints that there are.
    """
    full = np.tile(np.eye(3), (len(pose), JOINTS - 1, 1, 1))
    full[:, np.array(POSE_JOINTS) - 1] = pose
    unplaced = np.zeros((len(pose), 3))
    found = bodies.joint_names('smplx', 'neutral')
    joints = bodies.joints('smplx', 'neutral', betas, root, full, unplaced)
    if found != 'smpl24':
        return joints + (head - joints[:, HEAD])[:, None], found
    # The head of SMPL is regressed from the skin; CHROMM's is the joint of SMPL-X.
    body = bodies.body('smplx', 'neutral')
    if layout == 'coco17' and bodies.has_regressor('coco'):
        joints = body.regressor(bodies.regressor('coco') @ bodies.smplx2smpl)(betas, root, full, unplaced)
        found = 'coco17'
    own_head = body.joints(betas, root, full, unplaced)[:, HEAD]
    return joints + (head - own_head)[:, None], found
