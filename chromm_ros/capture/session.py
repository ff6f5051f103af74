"""One session: from the first image set until ids restart. Each state that lives from window to window has an owner.

    encode -> decode -> place -> settle -> identify -> map -> snapshot

Cameras, window, world, identities and scene are changed by these calls alone; a session only says in which order.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from chromm_ros.capture.identity.humans import Extrapolation, StepResult, humans_of, step_of
from chromm_ros.capture.identity.identities import Identities
from chromm_ros.capture.identity.pace import Pace
from chromm_ros.capture.notices import Notices
from chromm_ros.capture.protocols import Body, Network, Owner
from chromm_ros.capture.scene.ground import Ground
from chromm_ros.capture.scene.image_evidence import ImageEvidence
from chromm_ros.capture.scene.measured_depth import with_measured_depth, with_measured_heads
from chromm_ros.capture.scene.scene_map import SceneMap
from chromm_ros.capture.scene.surfaces import Surfaces, sample_surfaces, without_people
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.capture.window.network_pass import Decoded, NetworkPasses
from chromm_ros.capture.window.stages import StageClock
from chromm_ros.capture.window.windows import Placed, RollingWindow, Row, WindowStep, stack_people
from chromm_ros.capture.world.cameras import Cameras, PlacedImage
from chromm_ros.capture.world.gauge import Alignment, WorldGauge
from chromm_ros.capture.world.overlap import Seam, fit_seam
from chromm_ros.capture.world.people_rig import PeopleRig
from chromm_ros.flow import Cloud, ImageSet, Snapshot, ViewImage, WorldSource
from chromm_ros.geometry.similarity import Similarity
from chromm_ros.network.scene.calibration import assumed_intrinsics
from chromm_ros.people import ScaleEstimate, scale_ratio

NO_SCENE = 'Without depth cameras (depth_topic) this preset has no scene: nothing hides people, the map stays empty.'
"""Said once by a network that has no scene branch, and so places no cameras either."""


class Session:
    """One session of a capture. Not safe for threads, except its ``scene``."""

    def __init__(self, network: Network, body: Body, settings: CaptureSettings, cameras: Cameras):
        self.id = str(uuid.uuid4())
        self.body = body
        self.settings = settings
        self.errors = network.errors
        self.notices = Notices()
        self.cameras = cameras
        self.window = RollingWindow(settings.window_size)
        self.passes = NetworkPasses(network, self.window, self.notices, settings.window_mode == 'streaming')
        self.gauge = WorldGauge(cameras, network.level_gauge, self.notices)
        self.people_rig = None if network.places_cameras else PeopleRig(cameras, settings.world.rig_moves)
        self.identities = self._nobody()
        self.scene = SceneMap(settings.scene)
        self.ground = Ground()
        self.pace = Pace()
        self.windows = 0
        self.newest: Extrapolation | None = None
        """The people of the last snapshot, ready to be extrapolated. Replaced as a whole: any thread may read it."""

    def apply(self, settings: CaptureSettings) -> None:
        """Take over what may change while the session runs."""
        self.settings = self.cameras.settings = settings
        self.identities.settings = settings.identity
        self.scene.apply(settings.scene)

    def reset_identities(self) -> None:
        """Ids restart, which makes it another session; the world and the scene stay."""
        self.id = str(uuid.uuid4())
        self.windows = 0
        self.newest = None
        self.identities = self._nobody()

    def state_dict(self) -> dict[str, Any]:
        """Everything that lives from window to window, as plain data: one part for each owner."""
        return {
            'id': self.id,
            'windows': self.windows,
            **{name: owner.state_dict() for name, owner in self._owners().items()},
            'window': self.window.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any], images: Sequence[ImageSet]) -> None:
        """Go on from a :meth:`state_dict`; see :meth:`chromm_ros.capture.capture.Capture.load_state_dict`."""
        self.id, self.windows = state['id'], state['windows']
        for name, owner in self._owners().items():
            owner.load_state_dict(state[name])
        held = {step['stamp']: step['views'] for step in state['window']['steps']}
        rows = {}
        for image_set in images:
            found = self._encoded(self.cameras.again(image_set, held[image_set.stamp]))
            rows[image_set.stamp] = found if self.people_rig is None else self.people_rig.placed(found)
            self.window.steps.append(WindowStep(image_set.stamp, found))  # a network may look at the image before
        self.window.load_state_dict(state['window'], rows)

    def _owners(self) -> dict[str, Owner]:
        return {
            **({} if self.people_rig is None else {'people_rig': self.people_rig}),
            'notices': self.notices,
            'cameras': self.cameras,
            'passes': self.passes,
            'gauge': self.gauge,
            'identities': self.identities,
            'scene': self.scene,
            'ground': self.ground,
            'pace': self.pace,
        }

    def encode(self, images: ImageSet, clock: StageClock) -> bool:
        """Encode an image set into the window; False when nothing of it could be used."""
        chosen = self.cameras.usable(images, self.notices)
        if not chosen:
            self.notices.leave_out('empty set')
            return False
        reshaped = self.cameras.reshaped(chosen)
        if reshaped is not None:
            self.notices.say(f'Images of camera {reshaped} changed shape: the window starts anew.')
            self.passes.restart()
        rows = self._encoded(chosen)
        self.cameras.took(chosen)
        if self.people_rig is not None and all(image.depth is None for image in chosen.values()):
            self.notices.say_once(NO_SCENE)
        if self.people_rig is not None:
            self._tell_assumptions(chosen)
        if rows and self.people_rig is not None:
            rows = self.people_rig.locate(images.stamp, rows, self.passes.look, self.notices)
            self.gauge.level_gauge |= self.people_rig.level
        if not rows:
            return False
        overtaken = self.window.append(WindowStep(images.stamp, rows), int(self.settings.max_gap * 1e9))
        self.notices.leave_out('overtaken', overtaken)
        clock.end('encode')
        return True

    def waiting(self, images: ImageSet, clock: StageClock) -> Snapshot | None:
        """An empty world and what is missing, while no camera of ``images`` has a place; None: that is not so."""
        if self.people_rig is None or not self.people_rig.waits:
            return None
        self.windows += 1
        self.newest = None
        dropped, sentences = self.notices.tell()
        return Snapshot(
            stamp=images.stamp,
            session=self.id,
            window=self.windows,
            humans=(),
            cameras=self.cameras.states(images, {}),
            scene_update=Cloud.empty(),
            world_source=self.gauge.world_source,
            scale=1.0,
            scale_spread=math.nan,
            seam_error=math.nan,
            stages=clock.seconds,
            dropped=dropped,
            messages=sentences,
        )

    def _tell_assumptions(self, images: Mapping[str, ViewImage]) -> None:
        """Say which lens is assumed of a camera whose calibration is not known: distances are as wrong as it is."""
        for view, image in images.items():
            if image.intrinsics is None:
                height, width = image.pixels.shape[:2]
                focal = assumed_intrinsics(height, width)[0, 0]
                self.notices.say_once(
                    f'Camera {view} has no CameraInfo: a focal length of {focal:.0f} px is assumed, and distances '
                    'are as wrong as it is.'
                )

    def process(self, images: ImageSet, clock: StageClock) -> Snapshot | None:
        """Run the window whose newest image set is ``images``; None when the network broke down on it."""
        decoded = self.passes.decode(self._is_tied, self.settings.scene.with_confidence, clock)
        if decoded is None:
            return None
        new = range(self.window.first_new, len(self.window.steps))
        surfaces = self._surfaces_of(decoded, new)
        clock.end('scene')
        vote = scale_ratio(decoded.new_people, self.settings.people.scale)
        alignment = self._place(decoded, surfaces[-1], vote)
        clock.end('world')
        self._settle()
        clock.end('people')
        cameras = self.cameras.states(images, self.window.steps[-1].rows)
        results = [self._step(t, seen, alignment.scale, clock) for t, seen in zip(new, surfaces)]
        self.windows += 1
        newest = results[-1]
        self.newest = newest.extrapolation
        self.identities.keep()
        dropped, sentences = self.notices.tell()
        return Snapshot(
            stamp=images.stamp,
            session=self.id,
            window=self.windows,
            humans=newest.humans,
            doubted=newest.doubted,
            cameras=cameras,
            scene_update=newest.cloud,
            world_source=self.gauge.world_source,
            scale=alignment.scale * decoded.metric_scale,
            scale_spread=vote.spread,
            seam_error=alignment.seam_error,
            stages=clock.seconds,
            dropped=dropped,
            messages=sentences,
            floor=self.ground.height,
            findings=self.pace.findings,
            steps=tuple(step_of(result, cameras) for result in results),
        )

    def _encoded(self, images: Mapping[str, ViewImage]) -> dict[str, Row]:
        """The images, encoded; empty where the network broke down on them."""
        features = self.passes.encode(images)
        if features is None:
            return {}
        given = self.cameras.policy.given
        return {
            view: Row(view, replace(image, prepared=None), features.take([n]), given(image))
            for n, (view, image) in enumerate(images.items())
        }

    # -- place --------------------------------------------------------------------------------------------------

    def _is_tied(self, row: Row) -> bool:
        return self.gauge.tied(row.view, row.given_pose)

    def _place(self, decoded: Decoded, newest: Surfaces, vote: ScaleEstimate) -> Alignment:
        """Tie the window to the world, put its new rows there, level the world when the floor is found."""
        images = [
            PlacedImage(row.view, pose, row.given_pose, row.placed.world_from_camera if row.placed else None)
            for row, pose in zip(decoded.rows, decoded.world_from_camera)
        ]
        alignment = self.gauge.align(images, vote, self._seam(decoded))
        self._move(alignment.change)
        depths = newest.static_depth * np.float32(alignment.scale)
        older = decoded.new - len(depths)
        self.window.place(
            [
                _measured(
                    decoded.placed(n, alignment.poses[n], alignment.scale, None if n < older else depths[n - older]),
                    decoded.rows[n],
                )
                for n in range(decoded.new)
            ]
        )
        if self.gauge.unlevelled:
            poses = self.window.steps[-1].world_from_camera
            surfaces = self._with_depth(self.window.steps[-1], newest, alignment.scale)
            points = surfaces.static_cloud(alignment.scale, poses).points
            self._move(self.gauge.level(points, -poses[:, :3, 1].mean(0)))
        return alignment

    def _with_depth(self, step: WindowStep, surfaces: Surfaces, scale: float) -> Surfaces:
        """What the images of a placed step see, as depth cameras measured it where they did."""
        images = [row.image for row in step.rows.values()]
        return with_measured_depth(surfaces, images, step.intrinsics, scale, self.settings.scene)

    def _seam(self, decoded: Decoded) -> Seam | None:
        """How this window sees the scene in the images by which it hangs on earlier ones."""
        before = [row.placed.depth for row in decoded.rows[decoded.new :] if row.placed is not None]
        depths = [depth for depth in before if depth is not None]
        if not depths or len(depths) < len(before):
            return None
        return fit_seam(np.stack(depths), self._surfaces(decoded, slice(decoded.new, None)).static_depth)

    def _move(self, change: Similarity | None) -> None:
        """Everything that is kept follows the world."""
        if change is not None:
            self.window.move(change)
            self.identities.move(change)
            self.scene.move(change)
            self.ground.move(change)

    def _settle(self) -> None:
        """Let people correct the cameras of an estimated rig that stands."""
        views = self._views()
        if self.cameras.can_settle(views):
            people = stack_people(tuple(self.window.steps), views)
            self.window.put(self.cameras.settle(views, people))

    # -- identify, map ------------------------------------------------------------------------------------------

    def _step(self, t: int, surfaces: Surfaces, scale: float, clock: StageClock) -> StepResult:
        """The people and the scene at step ``t`` of the placed window.

        Every image set is taken by itself, in order, whatever number of them a window brings: a recording that is
        processed in long windows gives the people that the live capture gives.
        """
        step, views = self.window.steps[t], self.cameras.views
        surfaces = self._with_depth(step, surfaces, scale)
        evidence = ImageEvidence(surfaces, scale, step, self.settings.scene.occlusion_margin)
        sight = evidence.cameras(views, self.errors)
        detections = stack_people((step,), views)
        level = self.gauge.source is not WorldSource.FIRST_CAMERA
        floor = self.ground.height if level else math.nan
        self.identities.update(step.stamp, detections, sight, self.settings.people, self.body, level, floor)
        self.notices.leave_out_all(self.identities.dropped)
        self.pace.take(step.stamp, self.notices)
        clock.end('people')
        seen, doubted = humans_of(self.identities, step, views, evidence)
        self.notices.leave_out('doubted person', len(doubted))
        clock.end('identities')
        cloud = without_people(evidence.static_cloud(), [human for human, _ in seen])
        self.scene.update(cloud, evidence.through, step.stamp)
        if level:
            measured = any(row.image.depth is not None for row in step.rows.values())
            self.ground.look(cloud.points, self.settings.world.floor_tolerance, measured)
            self.ground.stand(self.identities.soles, step.stamp)
        clock.end('scene')
        return StepResult(step, Extrapolation(seen, sight), doubted, cloud)

    def _nobody(self) -> Identities:
        return Identities(self.settings.identity, self.errors, self._body_joints)

    def _views(self) -> tuple[str, ...]:
        present = {row.view for row in self.window.rows()}
        return tuple(view for view in self.cameras.views if view in present)

    def _surfaces_of(self, decoded: Decoded, steps: range) -> list[Surfaces]:
        """What the images of each new step see."""
        rows = [len(self.window.steps[t].rows) for t in steps]
        return [self._surfaces(decoded, slice(end - count, end)) for count, end in zip(rows, np.cumsum(rows))]

    def _surfaces(self, decoded: Decoded, rows: slice) -> Surfaces:
        images = [row.image.pixels for row in decoded.rows[rows]]
        return sample_surfaces(decoded.geometry, rows, images, self.settings.scene)

    def _body_joints(self, betas: np.ndarray, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with torch.no_grad():
            shape, theta = torch.as_tensor(betas, dtype=torch.float32), torch.as_tensor(pose, dtype=torch.float32)
            return self.body.joints(shape, theta).numpy(), self.body.joint_rotations(theta).numpy()


def _measured(placed: Placed, row: Row) -> Placed:
    """A placed row whose heads are as far away as its depth camera says."""
    return replace(placed, people=with_measured_heads(placed.people, row.image, placed.intrinsics))
