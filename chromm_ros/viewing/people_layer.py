"""People on the page: skinned meshes, skeletons, capsules, labels and trails in the colour of their id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import viser

from chromm_ros.body.files import PARENTS
from chromm_ros.viewing.colors import identity_color
from chromm_ros.viewing.skin import Skin
from chromm_ros.viewing.view import PersonView

BONES = np.array([(parent, joint) for joint, parent in enumerate(PARENTS) if parent >= 0 and joint < 22])
"""(21, 2) bones of the body without the hands' fingers and the face."""

BONE_RADIUS = 0.06
"""Thickness of the capsules that the page draws [m]; planners read the true radii from the message."""

FADED = 0.35
"""Opacity of a person that is predicted, not observed."""


@dataclass
class Switches:
    """What of a person is drawn."""

    meshes: bool = True
    skeletons: bool = False
    capsules: bool = False
    labels: bool = True
    trails: bool = True


@dataclass
class _Handles:
    mesh: viser.MeshHandle
    skeleton: viser.LineSegmentsHandle
    capsules: viser.LineSegmentsHandle
    label: viser.LabelHandle
    trail: viser.LineSegmentsHandle

    def all(self) -> tuple[viser.SceneNodeHandle, ...]:
        return self.mesh, self.skeleton, self.capsules, self.label, self.trail


class PeopleLayer:
    """Keeps one set of scene nodes per identity and moves them in place.

    A person who is not shown is hidden; the nodes of people beyond ``kept`` are removed, so memory stays flat
    however many identities come and go.
    """

    def __init__(self, server: viser.ViserServer, on_click: Callable[[int], None], kept: int = 24):
        self.switches = Switches()
        self._scene = server.scene
        self._on_click = on_click
        self._kept = kept
        self._skin = Skin()
        self._handles: dict[int, _Handles] = {}

    def show(self, people: tuple[PersonView, ...], trails: dict[int, np.ndarray]) -> None:
        """Draw exactly these people; ``trails`` holds (N, 3) positions by id."""
        shown = {person.id for person in people}
        for identity, handles in self._handles.items():
            if identity not in shown:
                for handle in handles.all():
                    handle.visible = False
        if people:
            skins = self._skin.vertices(
                np.stack([person.joints for person in people]),
                np.stack([person.rotations for person in people]),
                np.stack([np.resize(np.append(person.betas, np.zeros(10)), 10) for person in people]),
            )
            for person, vertices in zip(people, skins):
                self._move(person, vertices, trails.get(person.id, np.zeros((0, 3))))
        self._forget(shown)

    def _move(self, person: PersonView, vertices: np.ndarray, trail: np.ndarray) -> None:
        handles = self._handles.get(person.id)
        if handles is None:
            handles = self._handles[person.id] = self._create(person.id, vertices)
        bones = person.joints[BONES].astype(np.float32)
        switches = self.switches
        _set_visible(handles.mesh, switches.meshes)
        _set_visible(handles.skeleton, switches.skeletons)
        _set_visible(handles.capsules, switches.capsules)
        _set_visible(handles.label, switches.labels)
        _set_visible(handles.trail, switches.trails and len(trail) > 1)
        if switches.meshes:
            handles.mesh.vertices = vertices
            opacity = 1.0 if person.state in ('tracked', 'tentative') else FADED
            if handles.mesh.opacity != opacity:
                handles.mesh.opacity = opacity
        if switches.skeletons:
            handles.skeleton.points = bones
        if switches.capsules:
            handles.capsules.points = bones
        if switches.labels:
            handles.label.position = person.joints[15] + np.array([0.0, 0.0, 0.28])
            text = f'{person.id}' if person.state == 'tracked' else f'{person.id} {person.state}'
            if handles.label.text != text:
                handles.label.text = text
        if switches.trails and len(trail) > 1:
            ground = trail.astype(np.float32) * np.array([1, 1, 0], np.float32)
            handles.trail.points = np.stack([ground[:-1], ground[1:]], axis=1)

    def _create(self, identity: int, vertices: np.ndarray) -> _Handles:
        color = identity_color(identity)
        place = f'/people/{identity}'
        bones = np.zeros((len(BONES), 2, 3), np.float32)
        handles = _Handles(
            mesh=self._scene.add_mesh_simple(
                f'{place}/mesh', vertices, self._skin.faces, color=color, cast_shadow=False, receive_shadow=False
            ),
            skeleton=self._scene.add_line_segments(f'{place}/skeleton', bones, color, thickness=0.02),
            capsules=self._scene.add_line_segments(f'{place}/capsules', bones, color, thickness=2 * BONE_RADIUS),
            label=self._scene.add_label(f'{place}/label', str(identity), anchor='bottom-center'),
            trail=self._scene.add_line_segments(f'{place}/trail', bones[:1], color, thickness=0.03),
        )
        handles.mesh.on_click(lambda _: self._on_click(identity))
        return handles

    def _forget(self, shown: set[int]) -> None:
        hidden = [identity for identity in self._handles if identity not in shown]
        for identity in hidden[: max(0, len(self._handles) - self._kept)]:
            for handle in self._handles.pop(identity).all():
                handle.remove()


def _set_visible(handle: viser.SceneNodeHandle, visible: bool) -> None:
    if handle.visible != visible:
        handle.visible = visible
