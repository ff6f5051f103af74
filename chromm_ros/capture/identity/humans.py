"""From identities to the humans of a snapshot: posed, placed, with covariance and what each camera saw of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chromm_ros.capture.identity.identities import Identities
from chromm_ros.capture.identity.motion_filter import Motion, pelvis_covariance, predict
from chromm_ros.capture.identity.person import Identity, TrackState
from chromm_ros.capture.scene.surfaces import Surfaces, seen_through
from chromm_ros.capture.scene.visibility import Visibility, joint_visibility
from chromm_ros.capture.settings import IdentitySettings
from chromm_ros.capture.window.window_people import WindowPeople
from chromm_ros.capture.window.windows import WindowStep
from chromm_ros.flow import CameraState, Cloud, Human, HumanState, Observation, Step
from chromm_ros.skeleton import HEAD, JOINTS


def place(joints: np.ndarray, motion: Motion) -> np.ndarray:
    """(55, 3) canonical joints put where the motion has the head and the root rotation, world [m]."""
    turned = joints @ motion.rotation.T
    return turned + (motion.head - turned[HEAD])


def human_at(
    identities: Identities,
    identity: Identity,
    sighting: TrackState,
    motion: Motion,
    state: HumanState,
) -> Human:
    """One person at the stamp of ``motion``, with the posture of ``sighting`` and no observations."""
    joints = place(sighting.canonical_joints, motion)
    arm = joints[0] - motion.head
    covariance, velocity_covariance = pelvis_covariance(motion, arm)
    return Human(
        id=identity.id,
        state=state,
        confidence=identities.existence(identity, motion.stamp),
        first_observed=identity.first_observed,
        last_observed=sighting.stamp,
        absorbed=tuple(identity.absorbed),
        pose=sighting.pose,
        betas=identity.betas,
        root_rotation=motion.rotation,
        head=motion.head,
        joints=joints,
        joint_rotations=motion.rotation @ sighting.joint_rotations,
        velocity=motion.velocity + np.cross(motion.angular_velocity, arm),
        angular_velocity=motion.angular_velocity,
        covariance=covariance,
        velocity_covariance=velocity_covariance,
        joint_confidence=np.zeros(JOINTS),
        joints_observed=np.zeros(JOINTS, bool),
        observations=(),
    )


def moved_human(human: Human, motion: Motion, stamp: int, settings: IdentitySettings) -> Human:
    """The human extrapolated to ``stamp``; ``motion`` is that of its newest observation."""
    later = predict(motion, stamp, settings)
    turn = later.rotation @ human.root_rotation.T
    joints = (human.joints - human.head) @ turn.T + later.head
    arm = joints[0] - later.head
    covariance, velocity_covariance = pelvis_covariance(later, arm)
    return dataclasses.replace(
        human,
        root_rotation=later.rotation,
        head=later.head,
        joints=joints,
        joint_rotations=turn @ human.joint_rotations,
        velocity=later.velocity + np.cross(later.angular_velocity, arm),
        angular_velocity=later.angular_velocity,
        covariance=covariance,
        velocity_covariance=velocity_covariance,
    )


@dataclass(frozen=True)
class ImageEvidence:
    """The newest images: what they see, from where."""

    surfaces: Surfaces
    scale: float
    """Metres of the world per metre of ``surfaces``."""
    step: WindowStep
    margin: float
    """How far the scene must be in front of a joint to hide it [m]."""

    def joints(self, joints: np.ndarray) -> Visibility:
        """Which of the joints (K, 55, 3), world [m], the images see."""
        return joint_visibility(
            joints, self.surfaces, self.scale, self.step.intrinsics, self.step.world_from_camera, self.margin
        )

    def through(self, points: np.ndarray) -> np.ndarray:
        """(K,) bool: an image sees through these points (K, 3), world [m]."""
        return seen_through(points, self.surfaces, self.scale, self.step.intrinsics, self.step.world_from_camera)

    def static_cloud(self) -> Cloud:
        """What the images see of the static scene."""
        return self.surfaces.static_cloud(self.scale, self.step.world_from_camera)


@dataclass(frozen=True)
class StepResult:
    """The world at one image set."""

    step: WindowStep
    seen: tuple[tuple[Human, Motion], ...]
    """Everybody who is believed in, each with the motion that it extrapolates."""
    doubted: tuple[Human, ...]
    cloud: Cloud
    """What the images see of the static scene."""
    messages: tuple[str, ...]
    """Merges and splits."""


def humans_now(
    identities: Identities, window: WindowPeople, sight: ImageEvidence
) -> tuple[tuple[Human, Motion], ...]:
    """Everybody at the newest step, seen or not, in order of id, each with the motion that it extrapolates."""
    stamp = window.stamps[-1]
    everybody = [identities.live[key] for key in sorted(identities.live)]
    if not everybody:
        return ()
    motions = [predict(identity.newest.motion, stamp, identities.settings) for identity in everybody]
    joints = np.stack([place(one.newest.canonical_joints, motion) for one, motion in zip(everybody, motions)])
    visibility = sight.joints(joints)
    _weigh(identities, window, sight, everybody, visibility)
    humans = []
    for column, (identity, motion) in enumerate(zip(everybody, motions)):
        human = human_at(identities, identity, identity.newest, motion, identity.state)
        if identity.last_observed == stamp:
            observations, confidence = _observations(identities, window, sight, identity, visibility, column)
            observed = np.asarray(visibility.visible[:, column].any(0))
            human = dataclasses.replace(
                human, observations=observations, joint_confidence=confidence, joints_observed=observed
            )
        humans.append((human, identity.newest.motion))
    return tuple(humans)


def _weigh(
    identities: Identities,
    window: WindowPeople,
    sight: ImageEvidence,
    everybody: Sequence[Identity],
    visibility: Visibility,
) -> None:
    """Tell the identities how many images see each person of the newest step, and how many should but do not."""
    views = [window.views.index(row.view) for row in sight.step.rows.values()]
    for column, identity in enumerate(everybody):
        if identity.last_observed == window.stamps[-1]:
            seen = (window.people.identity[views, -1] == identity.newest.person).any(1)
            expected = visibility.expected(column)
            identities.weigh(identity, int(seen.sum()), int((expected & ~seen).sum()))


def step_of(moment: StepResult, cameras: Sequence[CameraState]) -> Step:
    """What happened at one time: who was observed, and where those of ``cameras`` were that saw it."""
    step = moment.step
    observed = tuple(human for human, _ in moment.seen if human.last_observed == step.stamp)
    return Step(step.stamp, observed, tuple(_camera_at(camera, step) for camera in cameras))


def _camera_at(camera: CameraState, step: WindowStep) -> CameraState:
    row = step.rows.get(camera.view)
    if row is None or row.placed is None:
        return dataclasses.replace(camera, used=False)
    return dataclasses.replace(
        camera, used=True, stamp=row.image.stamp, world_from_camera=row.placed.world_from_camera
    )


def _observations(
    identities: Identities,
    window: WindowPeople,
    sight: ImageEvidence,
    identity: Identity,
    visibility: Visibility,
    column: int,
) -> tuple[tuple[Observation, ...], np.ndarray]:
    """What the newest images saw of a person, ``column`` of ``visibility``, and its joint confidence (55,)."""
    observations, doubt = [], np.ones(JOINTS)
    view_people, people, person = window.view_people, window.people, identity.newest.person
    for image, row in enumerate(sight.step.rows.values()):
        v = window.views.index(row.view)
        mine = np.flatnonzero(people.identity[v, -1] == person)
        if not len(mine):
            continue
        m = mine[0]
        score, fused = float(view_people.score[v, -1, m]), bool(people.fused[v, -1, person])
        observations.append(
            Observation(
                view=row.view,
                tracklet=identities.labels.tracklet(row.view, window.stamps[-1], m),
                stamp=row.image.stamp,
                score=score,
                visible_fraction=visibility.fraction(image, column),
                fused=fused,
                head_px=view_people.head_px[v, -1, m],
                pelvis_px=view_people.pelvis_px[v, -1, m],
                roi=visibility.box(image, column),
                residual=float(people.residual[v, -1, person]),
            )
        )
        doubt *= 1 - min(max(score, 0.0), 1.0) * visibility.visible[image, column] * fused
    return tuple(observations), 1 - doubt
