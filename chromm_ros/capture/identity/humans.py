"""From identities to the humans of a snapshot: posed, placed, with covariance and what each camera saw of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chromm_ros.capture.identity.identities import Identities, Person
from chromm_ros.capture.identity.motion import Motion, at_rest, pelvis_covariance, predict
from chromm_ros.capture.scene.image_evidence import ImageEvidence
from chromm_ros.capture.scene.visibility import Visibility
from chromm_ros.capture.window.windows import WindowStep
from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import CameraState, Cloud, Human, HumanState, Observation, Step
from chromm_ros.people.tracker import CameraViews
from chromm_ros.people.tracker.detectability import clear_view
from chromm_ros.people.tracker.kinematics import WalkingModel
from chromm_ros.skeleton import HEAD, JOINTS

WAY_POINTS = np.linspace(0.0, 1.0, 9)[1:]
"""Parts of an extrapolated way at which it is asked whether cameras would see the person there."""


def place(joints: np.ndarray, motion: Motion) -> np.ndarray:
    """(55, 3) canonical joints put where the motion has the head and the root rotation, world [m]."""
    turned = joints @ motion.turn.rotation.T
    return turned + (motion.head - turned[HEAD])


def human_of(person: Person) -> Human:
    """One person with the posture in which it was last observed, and no observations."""
    figure, motion = person.figure, person.motion
    joints = place(figure.canonical_joints, motion)
    arm = joints[0] - motion.head
    covariance, velocity_covariance = pelvis_covariance(motion, arm)
    turning = motion.turn.angular_velocity
    return Human(
        id=person.id,
        state=person.state,
        confidence=person.confidence,
        first_observed=person.first_observed,
        last_observed=figure.stamp,
        absorbed=person.absorbed,
        pose=figure.pose,
        betas=figure.betas,
        root_rotation=motion.turn.rotation,
        head=motion.head,
        joints=joints,
        joint_rotations=motion.turn.rotation @ figure.joint_rotations,
        velocity=motion.velocity + np.cross(turning, arm),
        angular_velocity=turning,
        covariance=covariance,
        velocity_covariance=velocity_covariance,
        joint_confidence=np.zeros(JOINTS),
        joints_observed=np.zeros(JOINTS, bool),
        observations=(),
    )


def extrapolated(
    human: Human, motion: Motion, stamp: int, walking: WalkingModel, cameras: CameraViews, errors: EstimateErrors
) -> Human:
    """The human at ``stamp`` [ns].

    Args:
        motion: of the human at the time of the last image set.
        cameras: what was seen then. Somebody who was not seen is nowhere where a camera looked: its way ends before.
    """
    later = predict(motion, stamp, walking)
    if human.state is HumanState.PREDICTED and stamp > motion.stamp:
        way = motion.head + WAY_POINTS[:, None] * (later.head - motion.head)
        watched = clear_view(way, cameras, errors)
        if watched.any():
            reached = int(watched.argmax())
            later = at_rest(motion, stamp, walking, way[reached - 1] if reached else motion.head)
    turn = later.turn.rotation @ human.root_rotation.T
    joints = (human.joints - human.head) @ turn.T + later.head
    arm = joints[0] - later.head
    covariance, velocity_covariance = pelvis_covariance(later, arm)
    turning = later.turn.angular_velocity
    return dataclasses.replace(
        human,
        root_rotation=later.turn.rotation,
        head=later.head,
        joints=joints,
        joint_rotations=turn @ human.joint_rotations,
        velocity=later.velocity + np.cross(turning, arm),
        angular_velocity=turning,
        covariance=covariance,
        velocity_covariance=velocity_covariance,
    )


@dataclass(frozen=True)
class Extrapolation:
    """Everybody who is published at one time, and what it takes to tell where they are later."""

    people: tuple[tuple[Human, Motion], ...]
    cameras: CameraViews
    """What was seen then."""

    def at(self, stamp: int, walking: WalkingModel, errors: EstimateErrors) -> tuple[Human, ...]:
        """Those who were not lost, at ``stamp`` [ns]."""
        return tuple(
            extrapolated(human, motion, stamp, walking, self.cameras, errors)
            for human, motion in self.people
            if human.state is not HumanState.LOST
        )


@dataclass(frozen=True)
class StepResult:
    """The world at one image set."""

    step: WindowStep
    extrapolation: Extrapolation
    """Everybody who is published."""
    doubted: tuple[Human, ...]
    cloud: Cloud
    """What the images see of the static scene."""

    @property
    def humans(self) -> tuple[Human, ...]:
        """Everybody who is published."""
        return tuple(human for human, _ in self.extrapolation.people)


def humans_of(
    identities: Identities, step: WindowStep, views: Sequence[str], evidence: ImageEvidence
) -> tuple[tuple[tuple[Human, Motion], ...], tuple[Human, ...]]:
    """Everybody to be published with the motion that it extrapolates, and those who are seen and doubted.

    Args:
        identities: updated with ``step``.
        step: the newest image set.
        views: all cameras of the rig, in the order in which the identities know them.
        evidence: what the images of the step see.
    """
    people = identities.people
    if not people:
        return (), ()
    joints = np.stack([place(person.figure.canonical_joints, person.motion) for person in people])
    visibility = evidence.joints(joints)
    humans = [
        _observed_human(identities, person, step, views, visibility, column) for column, person in enumerate(people)
    ]
    told = [person.published or person.state is HumanState.LOST for person in people]
    published = tuple((human, person.motion) for human, person, tell in zip(humans, people, told) if tell)
    return published, tuple(human for human, tell in zip(humans, told) if not tell)


def _observed_human(
    identities: Identities,
    person: Person,
    step: WindowStep,
    views: Sequence[str],
    visibility: Visibility,
    column: int,
) -> Human:
    """The person, ``column`` of ``visibility``, with what the images of ``step`` saw of it."""
    human = human_of(person)
    evidence, fused = identities.evidence, identities.fused
    if person.column is None or evidence is None or fused is None:
        return human
    people = evidence.detections
    observations, doubt = [], np.ones(JOINTS)
    for image, row in enumerate(step.rows.values()):
        v = views.index(row.view)
        mine = np.flatnonzero(fused.identity[v, 0] == person.column)
        if not len(mine):
            continue
        m = mine[0]
        score, used = float(people.score[v, 0, m]), bool(fused.fused[v, 0, person.column])
        observations.append(
            Observation(
                view=row.view,
                tracklet=identities.tracklet(v, person),
                stamp=row.image.stamp,
                score=score,
                visible_fraction=visibility.fraction(image, column),
                fused=used,
                head_px=people.head_px[v, 0, m],
                pelvis_px=people.pelvis_px[v, 0, m],
                roi=visibility.box(image, column),
                residual=float(fused.residual[v, 0, person.column]),
            )
        )
        doubt *= 1 - min(max(score, 0.0), 1.0) * visibility.visible[image, column] * used
    return dataclasses.replace(
        human,
        observations=tuple(observations),
        joint_confidence=1 - doubt,
        joints_observed=np.asarray(visibility.visible[:, column].any(0)),
    )


def step_of(result: StepResult, cameras: Sequence[CameraState]) -> Step:
    """What happened at one time: who was observed, and where those of ``cameras`` were that saw it."""
    step = result.step
    observed = tuple(human for human in result.humans if human.last_observed == step.stamp)
    return Step(step.stamp, observed, tuple(_camera_at(camera, step) for camera in cameras))


def _camera_at(camera: CameraState, step: WindowStep) -> CameraState:
    row = step.rows.get(camera.view)
    if row is None or row.placed is None:
        return dataclasses.replace(camera, used=False)
    return dataclasses.replace(
        camera, used=True, stamp=row.image.stamp, world_from_camera=row.placed.world_from_camera
    )
