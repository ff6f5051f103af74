"""What does not move by itself: light, floor, the static scene, and the cameras of the rig."""

from __future__ import annotations

import numpy as np
import viser
from scipy.spatial.transform import Rotation

from chromm_ros.flow import Cloud
from chromm_ros.viewing.framing import FOV
from chromm_ros.viewing.rooms import SIDES, Room, muted, point_size
from chromm_ros.viewing.thumbnails import pixels_of
from chromm_ros.viewing.view import UNKNOWN, CameraView

FRUSTUM = 0.4
"""Length of a drawn camera [m]."""

CUT, UNCUT = 2.2, 5.0
"""Height [m] above which the scene is not drawn at first, so that one looks into a room; at the second, all is."""

STATE_COLORS = {'ok': (40, 170, 90), 'stale': (230, 170, 30), UNKNOWN: (140, 140, 140)}
BROKEN_COLOR = (210, 50, 50)

GROWTH = 1.5
"""Points are measured anew when a scene has so many times more of them."""


class Stage:
    """Keeps the scene nodes of everything but the people."""

    def __init__(self, server: viser.ViserServer, *, images: bool = True):
        self.visible = True
        self.muted = True
        self.cut = CUT
        self._scene = server.scene
        self._images = images
        self._clouds: dict[int, viser.PointCloudHandle] = {}
        self._filled = np.zeros(SIDES + 1, bool)
        self._room: Room | None = None
        self._measured = 0
        self._size = 0.0
        self._frusta: dict[str, viser.CameraFrustumHandle] = {}
        self._drawn: dict[str, bytes] = {}
        self._eye: np.ndarray | None = None
        self._light(server)

    def show_scene(self, cloud: Cloud) -> None:
        """Replace the static scene."""
        if len(cloud.points) > GROWTH * self._measured:
            self._size, self._measured = point_size(cloud), len(cloud.points)
        kept = slice(None) if self.cut >= UNCUT else cloud.points[:, 2] <= self.cut
        points, colors = cloud.points[kept].astype(np.float32), cloud.colors[kept]
        colors = muted(colors) if self.muted else colors
        self._room = Room.around(points) if len(points) else None
        parts = self._room.parts(points) if self._room is not None else np.zeros(0, int)
        for part in range(SIDES + 1):
            of_part = parts == part
            self._filled[part] = of_part.any()
            if self._filled[part]:
                self._draw_part(part, points[of_part], colors[of_part])
        self.open_to(self._eye)

    def open_to(self, eye: np.ndarray | None) -> None:
        """Leave out the walls between a viewer at ``eye`` (3,) [m] and the room."""
        self._eye = eye
        hiding = np.zeros(SIDES + 1, bool)
        if eye is not None and self._room is not None and self.cut < UNCUT:
            hiding[:SIDES] = self._room.hiding(eye)
        for part, cloud in self._clouds.items():
            visible = bool(self.visible and self._filled[part] and not hiding[part])
            if cloud.visible != visible:
                cloud.visible = visible

    def show_cameras(self, cameras: tuple[CameraView, ...]) -> None:
        """Draw exactly these cameras, as far as it is known where they stand."""
        placed = {camera.name: camera for camera in cameras if camera.world_from_camera is not None}
        for name, frustum in self._frusta.items():
            if frustum.visible and name not in placed:
                frustum.visible = False
        for camera in placed.values():
            self._draw_camera(camera)

    def _light(self, server: viser.ViserServer) -> None:
        scene = self._scene
        scene.set_up_direction('+z')
        # The lights of viser bleach the colours by which people are told apart.
        scene.configure_default_lights(enabled=False)
        scene.configure_environment_map(None)
        scene.add_light_hemisphere('/lights/sky', ground_color=(120, 120, 125), intensity=1.9)
        self._sun = scene.add_light_directional(
            '/lights/sun', intensity=2.6, position=(3.0, -4.0, 8.0), cast_shadow=False
        )
        scene.add_grid(
            '/floor',
            plane='xy',
            infinite_grid=True,
            cell_size=0.5,
            section_size=1.0,
            cell_thickness=0.5,
            section_thickness=0.8,
            cell_color=(150, 150, 150),
            section_color=(130, 130, 135),
            fade_distance=18.0,
            shadow_opacity=0.35,
        )
        server.initial_camera.fov = FOV

    def cast_shadows(self, cast: bool) -> None:
        """Let people cast shadows on the floor; they cost a browser without graphics hardware most of its time."""
        self._sun.cast_shadow = cast

    def _draw_part(self, part: int, points: np.ndarray, colors: np.ndarray) -> None:
        if part not in self._clouds:
            self._clouds[part] = self._scene.add_point_cloud(
                f'/scene/{part}',
                points,
                colors,
                point_size=self._size,
                point_shape='circle',
                point_shading='flat',
                precision='float32',
            )
            return
        cloud = self._clouds[part]
        cloud.points, cloud.colors = points, colors
        if cloud.point_size != self._size:
            cloud.point_size = self._size

    def _draw_camera(self, camera: CameraView) -> None:
        pose = camera.world_from_camera
        assert pose is not None
        color = STATE_COLORS.get(camera.state, BROKEN_COLOR)
        frustum = self._frusta.get(camera.name)
        if frustum is None:
            height, width = (3, 4) if camera.jpeg is None else pixels_of(camera.jpeg).shape[:2]
            frustum = self._frusta[camera.name] = self._scene.add_camera_frustum(
                f'/cameras/{camera.name}',
                fov=camera.fov_y,
                aspect=width / height,
                scale=FRUSTUM,
                color=color,
                format='jpeg',
                jpeg_quality=70,
                cast_shadow=False,
                receive_shadow=False,
            )
        if not frustum.visible:
            frustum.visible = True
        frustum.wxyz = np.roll(Rotation.from_matrix(pose[:3, :3]).as_quat(), 1)
        frustum.position, frustum.color = pose[:3, 3], color
        if self._images and camera.jpeg is not None and camera.jpeg is not self._drawn.get(camera.name):
            frustum.image = pixels_of(camera.jpeg)
            self._drawn[camera.name] = camera.jpeg
