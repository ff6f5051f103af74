"""One session: from the first image set until ids restart. Holds every state that lives from window to window."""

from __future__ import annotations

import dataclasses
import threading
import uuid
from collections import Counter
from typing import Any

import numpy as np
import torch

from chromm_ros.capture.identity.humans import StepResult, observed_human, posed_joints, step_of
from chromm_ros.capture.identity.identities import Identities
from chromm_ros.capture.identity.motion import Motion
from chromm_ros.capture.scene.image_evidence import ImageEvidence
from chromm_ros.capture.scene.scene_map import SceneMap
from chromm_ros.capture.scene.surfaces import Surfaces, sample_surfaces, without_people
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.capture.window.network_pass import Decoded, run_network
from chromm_ros.capture.window.stages import StageClock
from chromm_ros.capture.window.windows import Placed, RollingWindow, Row, WindowStep, stack_people
from chromm_ros.capture.world.gauge import Alignment, CameraRow, WorldGauge
from chromm_ros.capture.world.overlap import Seam, fit_seam
from chromm_ros.capture.world.rig import Rig
from chromm_ros.flow import CameraState, Cloud, Human, HumanState, ImageSet, Snapshot, ViewPeople, WorldSource
from chromm_ros.geometry.similarity import Similarity
from chromm_ros.people import ScaleEstimate, adjust_rig, scale_ratio, track
from chromm_ros.people.tracker import CameraViews

BREAKDOWNS = 2
"""Windows in a row that the network may break down on before the whole window is thrown away."""


class Session:
    """One session of a capture. Not safe for threads, except :meth:`static_scene`."""

    def __init__(self, network: Any, body: Any, settings: CaptureSettings, rig: Rig):
        self.id = str(uuid.uuid4())
        self.network = network
        self.body = body
        self.settings = settings
        self.rig = rig
        self.window = RollingWindow(settings.window_size)
        self.gauge = WorldGauge(settings.world, settings.extrinsics, network.level_gauge, network.errors)
        self.identities = self._nobody()
        self.scene = SceneMap(settings.scene)
        self.windows = 0
        self.dropped: Counter[str] = Counter()
        """What was left out, by reason."""
        self.messages: list[str] = []
        """Since the last snapshot."""
        self.motions: tuple[tuple[Human, Motion], ...] = ()
        """The humans of the last snapshot with their motion at that time."""
        self.sight: CameraViews | None = None
        """What the cameras saw then."""
        self._announced: Counter[str] = Counter()
        self._scene_lock = threading.Lock()
        self._scene_size: tuple[int, int] | None = None
        self._breakdowns = 0

    def apply(self, settings: CaptureSettings) -> None:
        """Take over what may change while the session runs."""
        self.settings = settings
        self.gauge.settings = settings.world
        self.identities.settings = settings.identity
        self.scene.settings = dataclasses.replace(settings.scene, voxel=self.scene.settings.voxel)

    def reset_identities(self) -> None:
        """Ids restart, which makes it another session; the world and the scene stay."""
        self.id = str(uuid.uuid4())
        self.windows = 0
        self.motions = ()
        self.identities = self._nobody()

    # -- images in ----------------------------------------------------------------------------------------------

    def encode(self, images: ImageSet, clock: StageClock) -> bool:
        """Encode an image set into the window; False when nothing of it could be used."""
        chosen, reasons = self.rig.usable(images, pose_required=self.settings.extrinsics == 'tf')
        self.dropped.update(reasons)
        if not chosen:
            self.dropped['empty set'] += 1
            return False
        reshaped = self.rig.reshaped(chosen)
        if reshaped is not None:
            self.messages.append(f'Images of camera {reshaped} changed shape: the window starts anew.')
            self.window.clear()
            self._scene_size = None
        pixels = [image.pixels for image in chosen.values()]
        try:
            features = self.network.encode(pixels, scene_size=self._scene_size)
        except torch.OutOfMemoryError:
            self._out_of_memory('An image set did not fit into the memory of the device and was left out.')
            return False
        self._scene_size = features.scene_size
        if not bool(torch.isfinite(features.scene).all() & torch.isfinite(features.human).all()):
            self._broke_down()
            return False
        use_poses = self.settings.extrinsics != 'estimated'
        rows = {
            view: Row(view, self._known(image), features.take([n]), image.world_from_camera if use_poses else None)
            for n, (view, image) in enumerate(chosen.items())
        }
        overtaken = self.window.append(WindowStep(images.stamp, rows), int(self.settings.max_gap * 1e9))
        self.dropped['overtaken'] += overtaken
        for view, image in chosen.items():
            self.rig.cameras[view].stamp = image.stamp
        clock.end('encode')
        return True

    def _known(self, image: Any) -> Any:
        """The image without the calibration that the settings forbid, or that no camera can have."""
        matrix = image.intrinsics
        good = matrix is not None and np.isfinite(matrix).all() and matrix[0, 0] > 0 and matrix[1, 1] > 0
        if good and self.settings.use_intrinsics:
            return image
        if matrix is not None and not good:
            self.dropped['bad intrinsics'] += 1
        return dataclasses.replace(image, intrinsics=None)

    # -- a window -----------------------------------------------------------------------------------------------

    def process(self, images: ImageSet, clock: StageClock) -> Snapshot | None:
        """Run the window whose newest image set is ``images``; None when the network broke down on it."""
        decoded = self._decode(clock)
        if decoded is None:
            return None
        first_new = self.window.first_new
        surfaces = self._surfaces_by_step(decoded, first_new)
        clock.end('scene')
        vote = scale_ratio(_view_people(decoded), self.settings.people.scale)
        alignment = self._place(decoded, surfaces[-1], vote)
        clock.end('world')
        self._settle()
        clock.end('people')
        cameras = self._camera_states(images, self.window.steps[-1])
        moments = [
            self._moment(t, seen, alignment.scale, clock)
            for t, seen in zip(range(first_new, len(self.window.steps)), surfaces)
        ]
        newest = moments[-1]
        self.windows += 1
        self.dropped.update({'beyond ten people': decoded.crowded_out} if decoded.crowded_out else {})
        snapshot = Snapshot(
            stamp=images.stamp,
            session=self.id,
            window=self.windows,
            humans=tuple(human for human, _ in newest.seen),
            doubted=newest.doubted,
            cameras=cameras,
            scene_update=newest.cloud,
            world_source=WorldSource.FIRST_CAMERA if self.gauge.source is None else self.gauge.source,
            scale=alignment.scale * decoded.metric_scale,
            scale_spread=vote.spread,
            seam_error=alignment.seam_error,
            stages=clock.seconds,
            dropped=dict(self.dropped - self._announced),
            messages=(*self.messages, *alignment.messages),
            steps=tuple(step_of(moment, cameras) for moment in moments),
        )
        self._announced, self.messages, self.motions = self.dropped.copy(), [], newest.seen
        self.identities.keep()
        return snapshot

    def _moment(self, t: int, surfaces: Surfaces, scale: float, clock: StageClock) -> StepResult:
        """The people and the scene at step ``t`` of the placed window.

        Every image set is taken by itself, in order, whatever number of them a window brings: a recording that is
        processed in long windows gives the people that the live capture gives.
        """
        step = self.window.steps[t]
        evidence = ImageEvidence(surfaces, scale, step, self.settings.scene.occlusion_margin)
        self.sight = evidence.cameras(self.rig.views, self.network.errors)
        detections = stack_people((step,), self.rig.views)
        level = self.gauge.source is not WorldSource.FIRST_CAMERA
        identities = self.identities
        identities.update(step.stamp, detections, self.sight, self.settings.people, self.body, level)
        self.dropped.update(identities.dropped)
        clock.end('people')
        seen, doubted = self._humans(step, evidence)
        self.dropped.update({'doubted person': len(doubted)} if doubted else {})
        clock.end('identities')
        cloud = without_people(evidence.static_cloud(), [human for human, _ in seen])
        self._update_scene(cloud, evidence, step.stamp)
        clock.end('scene')
        return StepResult(step, seen, doubted, cloud)

    def _humans(
        self, step: WindowStep, evidence: ImageEvidence
    ) -> tuple[tuple[tuple[Human, Motion], ...], tuple[Human, ...]]:
        """Everybody to be published with the motion that it extrapolates, and those who are seen and doubted."""
        people = self.identities.people
        if not people:
            return (), ()
        visibility = evidence.joints(posed_joints(people))
        humans = [
            observed_human(self.identities, person, step, self.rig.views, visibility, column)
            for column, person in enumerate(people)
        ]
        told = [person.published or person.state is HumanState.LOST for person in people]
        seen = tuple((human, person.motion) for human, person, tell in zip(humans, people, told) if tell)
        return seen, tuple(human for human, tell in zip(humans, told) if not tell)

    def _nobody(self) -> Identities:
        return Identities(self.settings.identity, self.network.errors, self._body_joints)

    def static_scene(self) -> Cloud:
        """The static scene so far; may be called from any thread."""
        with self._scene_lock:
            return self.scene.cloud()

    def reset_scene(self) -> None:
        with self._scene_lock:
            self.scene.clear()

    def _decode(self, clock: StageClock) -> Decoded | None:
        """The network on the window; a window that does not fit into memory is halved until it does."""
        while True:
            rows = self.window.rows()
            anchors = self._anchors()
            try:
                decoded = run_network(self.network, rows, anchors, self.settings.scene.with_confidence, clock)
            except torch.OutOfMemoryError:
                steps = len(self.window.steps) // 2
                if not steps:
                    self.window.drop_new()
                    self._out_of_memory('A single image set does not fit into the memory of the device.')
                    return None
                self.window.keep(steps)
                self._out_of_memory(f'The window did not fit into the memory of the device: {steps} image sets now.')
                continue
            if decoded.finite:
                self._breakdowns = 0
                return decoded
            self._broke_down()
            return None

    def _anchors(self) -> list[Row]:
        """Rows of the newest decoded step, where no new camera says how the window sits in the world."""
        new = [row for row in self.window.rows() if row.placed is None]
        if any(self.gauge.tied(row.view, row.known_pose) for row in new):
            return []
        old = [step for step in self.window.steps if not step.new]
        return list(old[-1].rows.values()) if old else []

    def _surfaces(self, decoded: Decoded, rows: slice) -> Surfaces:
        images = [row.image.pixels for row in decoded.rows[rows]]
        return sample_surfaces(decoded.geometry, rows, images, self.settings.scene)

    def _place(self, decoded: Decoded, surfaces: Surfaces, vote: ScaleEstimate) -> Alignment:
        """Tie the window to the world, put its new rows there, level the world when the floor is found."""
        camera_rows = [
            CameraRow(row.view, pose, row.known_pose, row.placed.world_from_camera if row.placed else None)
            for row, pose in zip(decoded.rows, decoded.world_from_camera)
        ]
        alignment = self.gauge.align(camera_rows, vote, self._seam(decoded))
        if alignment.change is not None:
            self._move(alignment.change)
        newest = iter(surfaces.static_depth * np.float32(alignment.scale))
        older = decoded.new - len(surfaces.depth)
        self.window.place(
            [_placed(decoded, n, alignment, None if n < older else next(newest)) for n in range(decoded.new)]
        )
        if self.gauge.unlevelled:
            poses = self.window.steps[-1].world_from_camera
            points = surfaces.static_cloud(alignment.scale, poses).points
            change = self.gauge.level(points, -poses[:, :3, 1].mean(0))
            if change is not None:
                self._move(change)
                self.messages.append('The floor was found: the world is level now.')
        return alignment

    def _seam(self, decoded: Decoded) -> Seam | None:
        """How this window sees the scene in the images by which it hangs on earlier ones."""
        before = [row.placed.depth for row in decoded.rows[decoded.new :] if row.placed is not None]
        depths = [depth for depth in before if depth is not None]
        if not depths or len(depths) < len(before):
            return None
        now = self._surfaces(decoded, slice(decoded.new, None)).static_depth
        return fit_seam(np.stack(depths), now)

    def _move(self, change: Similarity) -> None:
        """Everything that is kept follows the world."""
        self.window.move(change)
        self.identities.move(change)
        with self._scene_lock:
            self.scene.move(change)

    def _surfaces_by_step(self, decoded: Decoded, first_new: int) -> list[Surfaces]:
        """What the images of each new step see."""
        rows = [len(step.rows) for step in self.window.steps][first_new:]
        return [self._surfaces(decoded, slice(end - count, end)) for count, end in zip(rows, np.cumsum(rows))]

    def _views(self) -> tuple[str, ...]:
        present = {row.view for row in self.window.rows()}
        return tuple(view for view in self.rig.views if view in present)

    def _settle(self) -> None:
        """Let people correct the cameras of an estimated rig that stands."""
        views = self._views()
        poses = self.gauge.estimated(views)
        given = np.array([self.gauge.cameras[view].given for view in views if view in self.gauge.cameras])
        if poses is None or not self.network.errors.rough_rig or given.all():
            return
        people = stack_people(tuple(self.window.steps), views)
        tracklets = track(people, self.settings.people.tracking, self.network.errors)
        as_estimated = np.repeat(poses[:, None], people.seen.shape[1], 1)
        people = dataclasses.replace(people, world_from_camera=as_estimated)
        corrections = adjust_rig(people, tracklets, self.network.errors)
        self.window.put(dict(zip(views, self.gauge.correct(views, corrections @ poses))))

    def _body_joints(self, betas: np.ndarray, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with torch.no_grad():
            shape, theta = torch.as_tensor(betas, dtype=torch.float32), torch.as_tensor(pose, dtype=torch.float32)
            return self.body.joints(shape, theta).numpy(), self.body.joint_rotations(theta).numpy()

    def _camera_states(self, images: ImageSet, newest: WindowStep) -> tuple[CameraState, ...]:
        for view, row in newest.rows.items():
            camera = self.rig.cameras[view]
            if row.placed is not None:
                camera.intrinsics, camera.world_from_camera = row.placed.intrinsics, row.placed.world_from_camera
            camera.known = row.known_pose is not None
        return self.rig.states(self.gauge, images, newest.rows, self.settings)

    def _update_scene(self, cloud: Cloud, evidence: ImageEvidence, stamp: int) -> None:
        with self._scene_lock:
            self.scene.add(cloud, stamp)
            slots, points = self.scene.candidates(stamp)
            if len(slots):
                self.scene.weaken(slots[evidence.through(points)])

    # -- trouble ------------------------------------------------------------------------------------------------

    def _out_of_memory(self, message: str) -> None:
        self.dropped['out of memory'] += 1
        self.messages.append(message)
        torch.cuda.empty_cache()

    def _broke_down(self) -> None:
        """NaN from the network: this window is dropped, and with it the images that may have caused it."""
        self.dropped['not a number'] += 1
        self.messages.append('The network gave numbers that are not finite: one window was dropped.')
        self._breakdowns += 1
        self.window.drop_new()
        if self._breakdowns >= BREAKDOWNS:
            self.window.clear()


def _placed(decoded: Decoded, n: int, alignment: Alignment, depth: np.ndarray | None) -> Placed:
    people = decoded.people.take(n).moved(Similarity.scaling(alignment.scale))
    return Placed(people, decoded.intrinsics[n], alignment.poses[n], depth)


def _view_people(decoded: Decoded) -> ViewPeople:
    """The people of the new rows in metres of the network, each row a view of its own."""
    return ViewPeople(
        **decoded.people.take(np.s_[: decoded.new, None]).detections(),
        intrinsics=decoded.intrinsics[: decoded.new, None],
        world_from_camera=decoded.world_from_camera[: decoded.new, None],
        given=np.zeros((decoded.new, 1), bool),
        seen=np.ones((decoded.new, 1), bool),
        times=np.zeros(1),
    )
