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
from chromm_ros.viewing.view import Timeline, WorldView

TRAIL = 8.0
"""Seconds of a drawn trail."""

POINTS = 60_000
"""Points of the scene at most."""

EPOCH = 1e9
"""Stamps before so many seconds are of no calendar."""

IMAGES = 5.0
"""Images per second of every camera: with more, a minute would be too large to send around."""


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
    with _stage_without_audience() as server:
        stage, people = Stage(server, images=False), PeopleLayer(server, lambda identity: None)
        recording = server.get_scene_serializer()
        if scene is not None:
            stage.show_scene(_sparser(scene))
        look = overview([c.world_from_camera for c in shown[-1].cameras if c.world_from_camera is not None])
        if look is not None:
            server.initial_camera.position, server.initial_camera.look_at = look.position, look.center
            stage.open_to(look.position)
        timeline = Timeline()
        frames: list[dict[str, Any]] = []
        pictures = _Pictures()
        for index, (view, following) in enumerate(zip(shown, (*shown[1:], None))):
            timeline.add(view)
            trails = {person.id: timeline.trail(person.id, TRAIL, view.stamp) for person in view.people}
            people.show(view.people, trails, viewpoint=None if look is None else look.viewpoint)
            stage.show_cameras(view.cameras)
            state = state_of(view, view.cameras, Situation(frame=index + 1), trails)
            images = pictures.of(view)
            if frames and images == frames[-1]['images']:
                state['cameras'] = frames[-1]['state']['cameras']  # people are drawn where the image has them
            frames.append({'time': 1e-9 * (view.stamp - shown[0].stamp), 'state': state, 'images': images})
            recording.insert_sleep(1e-9 * (following.stamp - view.stamp) if following else 1.0 / rate)
            progress(0.8 * (index + 1) / len(shown))
        html = recording.as_html()
    recorded = {
        'title': f'chromm {_date(shown[0].stamp)}',
        'about': _about(shown, settings),
        'frames': frames,
        'pictures': pictures.encoded,
    }
    progress(1.0)
    return with_ours(html, as_json(recorded)), len(shown)


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
