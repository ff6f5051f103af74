"""People on the page: skinned meshes, skeletons, capsules, labels and trails in the colour of their id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import viser

from chromm_ros.skeleton import BODY_BONES, HEAD, PELVIS
from chromm_ros.viewing.colors import faded, identity_color, identity_opacity
from chromm_ros.viewing.labels import Viewpoint, lifts
from chromm_ros.viewing.skin import Skin
from chromm_ros.viewing.view import PersonView

BONES = np.array(BODY_BONES)
"""(21, 2) bones of the body without the hands' fingers and the face."""

BONE_RADIUS = 0.06
"""Thickness of the capsules that the page draws [m]; planners read the true radii from the message."""

LABEL_HEIGHT, LABEL_SCALE = 0.28, 1.1
"""Of a label: above the head joint [m], and against the usual size of text."""


BESIDE = 0.45
"""Of their opacity keeps who is not selected while somebody is."""

TURN = np.linspace(0, 2 * np.pi, 33)

RING = 0.42 * np.stack([np.cos(TURN), np.sin(TURN), 0 * TURN], -1).astype(np.float32)
"""(33, 3) around the feet of the selected person [m]."""


@dataclass
class Switches:
    """What of a person is drawn."""

    meshes: bool = True
    skeletons: bool = False
    capsules: bool = False
    labels: bool = True
    trails: bool = True


@dataclass
class _Figure:
    """The scene nodes of one person."""

    owner: int
    """Identity of the person, or of the one it showed last."""
    mesh: viser.MeshHandle
    skeleton: viser.LineSegmentsHandle
    capsules: viser.LineSegmentsHandle
    label: viser.LabelHandle
    trail: viser.LineSegmentsHandle
    opacity: float = 1.0
    posed: bool = False
    """The mesh has a pose of its present owner."""

    def hide(self) -> None:
        self.posed = False
        for handle in (self.mesh, self.skeleton, self.capsules, self.label, self.trail):
            _set_visible(handle, False)

    def look_like(self, identity: int, opacity: float) -> None:
        """Take the colour of a person, as faint as they are."""
        if (self.owner, self.opacity) == (identity, opacity):
            return
        color = identity_color(identity)
        # viser's handles are written through __setattr__, which mypy cannot see
        self.mesh.color = color
        self.mesh.opacity = opacity
        for lines in (self.skeleton, self.capsules, self.trail):
            lines.colors = np.array(faded(color, opacity), np.uint8)
        self.owner, self.opacity = identity, opacity


class PeopleLayer:
    """Keeps the scene nodes of the people and moves them in place.

    The nodes of a person who left are hidden and wait for the next one, because the server keeps a message for every
    node that there ever was: so memory stays flat however many identities come and go.
    """

    def __init__(self, server: viser.ViserServer, on_click: Callable[[int], None], grid: float = 0.0):
        """
        Args:
            server: whose scene they are in.
            on_click: is told the id of whoever is clicked.
            grid: what vertices are rounded to [m]; rounded ones compress better.
        """
        self.switches = Switches()
        self._grid = np.float32(grid)
        self._scene = server.scene
        self._on_click = on_click
        self._skin = Skin()
        self._shown: dict[int, _Figure] = {}
        self._idle: dict[int, _Figure] = {}
        """By the identity of their last owner, the longest idle first."""
        self._ring = self._scene.add_line_segments(
            '/selected', np.stack([RING[:-1], RING[1:]], 1), (255, 255, 255), thickness=0.05, visible=False
        )

    def show(
        self,
        people: tuple[PersonView, ...],
        trails: dict[int, np.ndarray],
        *,
        selected: int | None = None,
        fade: float = 1.0,
        viewpoint: Viewpoint | None = None,
        poses: bool = True,
    ) -> None:
        """Draw exactly these people.

        Args:
            trails: (N, 3) positions by id.
            selected: whom to lift out.
            fade: of all, from 1 to 0: the people are as old as that.
            viewpoint: from where labels must not cover each other.
            poses: false: who has been drawn before moves without taking another pose.
        """
        people = people if fade > 0 else ()
        for identity in set(self._shown) - {person.id for person in people}:
            self._idle[identity] = self._shown.pop(identity)
            self._idle[identity].hide()
        chosen = next((person for person in people if person.id == selected), None)
        _set_visible(self._ring, chosen is not None)
        if chosen is not None:
            self._ring.position = (*chosen.joints[0, :2], 0.03)
            self._ring.colors = np.array(identity_color(chosen.id), np.uint8)
        if not people:
            return
        skins = self._skin.vertices(
            np.stack([person.joints for person in people]),
            np.stack([person.rotations for person in people]),
            np.stack([np.resize(np.append(person.betas, np.zeros(10)), 10) for person in people]),
        )
        heights = self._label_heights(people, viewpoint)
        for person, vertices, height in zip(people, skins, heights):
            figure = self._figure(person.id, vertices)
            beside = selected is not None and chosen is not None and person is not chosen
            opacity = identity_opacity(person.state == 'tracked', person.confidence) * (BESIDE if beside else 1.0)
            figure.look_like(person.id, round(opacity * fade, 2))
            if self.switches.meshes and (poses or not figure.posed):
                figure.mesh.vertices = self._rounded(vertices - person.joints[PELVIS].astype(np.float32))
                figure.posed = True
            self._move(figure, person, trails.get(person.id, np.zeros((0, 3))), height)

    def _rounded(self, vertices: np.ndarray) -> np.ndarray:
        return np.round(vertices / self._grid) * self._grid if self._grid else vertices

    @staticmethod
    def _label_heights(people: tuple[PersonView, ...], viewpoint: Viewpoint | None) -> np.ndarray:
        """(K,) of the labels above the head joints [m]."""
        if viewpoint is None:
            return np.full(len(people), LABEL_HEIGHT)
        places = np.stack([person.joints[HEAD] for person in people]) + np.array([0.0, 0.0, LABEL_HEIGHT])
        lengths = np.array([len(_label(person)) for person in people])
        return LABEL_HEIGHT + lifts(places, lengths, viewpoint)

    def _move(self, figure: _Figure, person: PersonView, trail: np.ndarray, label_height: float) -> None:
        # A browser moves a node long before it has taken over new vertices: these are relative to the pelvis.
        pelvis = person.joints[PELVIS]
        bones = (person.joints[BONES] - pelvis).astype(np.float32)
        switches = self.switches
        _set_visible(figure.mesh, switches.meshes)
        _set_visible(figure.skeleton, switches.skeletons)
        _set_visible(figure.capsules, switches.capsules)
        _set_visible(figure.label, switches.labels)
        _set_visible(figure.trail, switches.trails and len(trail) > 1)
        if switches.meshes:
            figure.mesh.position = pelvis
        if switches.skeletons:
            figure.skeleton.points, figure.skeleton.position = bones, pelvis
        if switches.capsules:
            figure.capsules.points, figure.capsules.position = bones, pelvis
        if switches.labels:
            figure.label.position = person.joints[HEAD] + np.array([0.0, 0.0, label_height])
            if figure.label.text != _label(person):
                figure.label.text = _label(person)
        if switches.trails and len(trail) > 1:
            ground = trail.astype(np.float32) * np.array([1, 1, 0], np.float32)
            figure.trail.points = np.stack([ground[:-1], ground[1:]], axis=1)

    def _figure(self, identity: int, vertices: np.ndarray) -> _Figure:
        """The nodes of a person: their own, else the longest idle ones, else new ones."""
        figure = self._shown.get(identity)
        if figure is None and self._idle:
            figure = self._idle.pop(identity if identity in self._idle else next(iter(self._idle)))
        if figure is None:
            figure = self._create(identity, vertices)
        self._shown[identity] = figure
        return figure

    def _create(self, identity: int, vertices: np.ndarray) -> _Figure:
        color = identity_color(identity)
        place = f'/people/{len(self._shown)}'
        bones = np.zeros((len(BONES), 2, 3), np.float32)
        figure = _Figure(
            owner=identity,
            mesh=self._scene.add_mesh_simple(
                f'{place}/mesh', vertices, self._skin.faces, color=color, cast_shadow=True, receive_shadow=False
            ),
            skeleton=self._scene.add_line_segments(f'{place}/skeleton', bones, color, thickness=0.02),
            capsules=self._scene.add_line_segments(f'{place}/capsules', bones, color, thickness=2 * BONE_RADIUS),
            label=self._scene.add_label(
                f'{place}/label', str(identity), anchor='bottom-center', font_screen_scale=LABEL_SCALE
            ),
            trail=self._scene.add_line_segments(f'{place}/trail', bones[:1], color, thickness=0.03),
        )
        figure.mesh.on_click(lambda _: self._on_click(figure.owner))
        return figure


def _label(person: PersonView) -> str:
    return f'person {person.id}' if person.state == 'tracked' else f'person {person.id}, {person.state}'


def _set_visible(handle: viser.SceneNodeHandle, visible: bool) -> None:
    if handle.visible != visible:
        handle.visible = visible
