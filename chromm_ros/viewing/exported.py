"""A recording of the page as one HTML file that plays from a disk, without server or network."""

from __future__ import annotations

import base64
import contextlib
import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import viser

from chromm_ros.flow import Cloud
from chromm_ros.viewing.client import with_ours
from chromm_ros.viewing.framing import overview
from chromm_ros.viewing.overlay import Situation, as_json, state_of
from chromm_ros.viewing.people_layer import PeopleLayer
from chromm_ros.viewing.stage import Stage
from chromm_ros.viewing.thumbnails import smaller
from chromm_ros.viewing.view import TRAIL, Timeline, WorldView

POINTS = 60_000
"""Points of the scene at most."""

EPOCH = 1e9
"""Stamps before so many seconds are of no calendar."""

IMAGES, POSES = 3.4, 5.0
"""Images of every camera, and poses of everybody, per second: with more, a minute would be too large to send around.
Between two poses people glide."""

GRID = 1 / 128
"""What skin is rounded to [m]."""


def as_html(
    views: Sequence[WorldView],
    scene: Cloud | None,
    settings: Mapping[str, str],
    *,
    rate: float = 10.0,
    progress: Callable[[float], None] = lambda done: None,
) -> tuple[str, int]:
    """The page, and the number of frames in it.

    Args:
        views: in the order of time.
        scene: what does not move; None: nothing is known.
        settings: what was chosen, for whoever reads the page.
        rate: frames per second at most.
        progress: is told which part is done, from 0 to 1.

    Raises:
        ValueError: there are no views.
    """
    shown = thinned(views, rate)
    if not shown:
        raise ValueError('there is nothing to save yet: no window came')
    pictures = _Pictures()
    with _stage_without_audience() as server:
        recording = server.get_scene_serializer()
        frames = []
        for view, following, frame in zip(shown, (*shown[1:], None), _played(server, shown, scene, pictures)):
            frames.append(frame)
            recording.insert_sleep(1e-9 * (following.stamp - view.stamp) if following else 1.0 / rate)
            progress(0.8 * len(frames) / len(shown))
        html = recording.as_html()
    recorded = {
        'title': f'chromm {_date(shown[0].stamp)}',
        'about': _about(shown, settings),
        'frames': frames,
        'pictures': pictures.encoded,
        'trail': TRAIL,
    }
    progress(1.0)
    return with_ours(html, as_json(recorded)), len(shown)


def _played(
    server: viser.ViserServer, views: Sequence[WorldView], scene: Cloud | None, pictures: _Pictures
) -> Iterator[dict[str, Any]]:
    """Draw one view after the other in the scene of a server; what the page draws around the scene of each."""
    stage, people = Stage(server, images=False), PeopleLayer(server, lambda identity: None, GRID)
    if scene is not None:
        stage.show_scene(_sparser(scene))
    look = overview([c.world_from_camera for c in views[-1].cameras if c.world_from_camera is not None])
    if look is not None:
        server.initial_camera.position, server.initial_camera.look_at = look.position, look.center
        stage.open_to(look.position)
    timeline, posed = Timeline(), -math.inf  # the latter: stamp of the newest poses
    images: dict[str, int] | None = None
    for index, view in enumerate(views):
        timeline.add(view)
        poses = view.stamp - posed >= 0.99e9 / POSES
        posed = view.stamp if poses else posed
        trails = {person.id: timeline.trail(person.id, TRAIL, view.stamp) for person in view.people}
        people.show(view.people, trails, viewpoint=None if look is None else look.viewpoint, poses=poses)
        stage.show_cameras(view.cameras)
        state = state_of(view, view.cameras, Situation(frame=index + 1), {})
        before, images = images, pictures.of(view)
        if index:
            del state['bones']
        if images and images == before:
            del state['cameras']  # people are drawn where the image has them
        yield {'time': 1e-9 * (view.stamp - views[0].stamp), 'state': state, 'images': images}


def thinned(views: Sequence[WorldView], rate: float) -> list[WorldView]:
    """Not more than ``rate`` views per second."""
    kept: list[WorldView] = []
    for view in views:
        if not kept or view.stamp - kept[-1].stamp >= 0.99e9 / rate:
            kept.append(view)
    return kept


class _Pictures:
    """The images of a recording, each once."""

    def __init__(self) -> None:
        self.encoded: list[str] = []
        self._last: dict[str, tuple[int, int]] = {}  # stamp and number of the newest image of a camera

    def of(self, view: WorldView) -> dict[str, int]:
        """The number of the image of each camera that belongs to a view: between two images, the earlier one."""
        for camera in view.cameras:
            last = self._last.get(camera.name)
            if camera.jpeg is None or (last is not None and view.stamp - last[0] < 0.99e9 / IMAGES):
                continue
            self._last[camera.name] = view.stamp, len(self.encoded)
            self.encoded.append(base64.b64encode(smaller(camera.jpeg)).decode())
        return {name: number for name, (_, number) in self._last.items()}


@contextlib.contextmanager
def _stage_without_audience() -> Iterator[viser.ViserServer]:
    """A server that nobody looks at: those who look at the page see nothing of the recording."""
    with contextlib.redirect_stdout(io.StringIO()):  # viser announces itself whatever ``verbose`` says
        server = viser.ViserServer(host='127.0.0.1', port=0, verbose=False)
        try:
            yield server
        finally:
            server.stop()


def _sparser(cloud: Cloud) -> Cloud:
    kept = slice(None, None, max(1, math.ceil(len(cloud.points) / POINTS)))
    return Cloud(cloud.points[kept], cloud.colors[kept], cloud.confidence[kept])


def _date(stamp: int) -> str:
    """When it was, or for how long a simulated clock had run."""
    if stamp < 1e9 * EPOCH:
        return f'at {1e-9 * stamp:.1f} s'
    return datetime.fromtimestamp(1e-9 * stamp, timezone.utc).strftime('%Y-%m-%d %H:%M:%S UTC')


def _about(views: Sequence[WorldView], settings: Mapping[str, str]) -> dict[str, str]:
    people = {person.id for view in views for person in view.people}
    seconds = 1e-9 * (views[-1].stamp - views[0].stamp)
    return {
        'recorded': _date(views[0].stamp),
        'length': f'{seconds:.1f} s, {len(views)} frames',
        'people': f'{len(people)} ids',
        'cameras': ', '.join(camera.name for camera in views[-1].cameras) or 'none',
        **settings,
    }
