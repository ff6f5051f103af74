"""Which topics of a bag are the cameras of a rig: as the settings name them, or as drivers usually name theirs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from chromm_ros.intake.settings import IntakeSettings
from chromm_ros.recording.bags import Topic

IMAGE_TYPES = {'sensor_msgs/msg/Image': 'raw', 'sensor_msgs/msg/CompressedImage': 'compressed'}
"""Type -> transport."""
INFO_TYPE = 'sensor_msgs/msg/CameraInfo'
TF_TYPE = 'tf2_msgs/msg/TFMessage'
OUTPUT_PACKAGE = 'chromm_ros/msg/'
SUFFIX = '/compressed'

STREAMS = (
    *('image', 'image_raw', 'image_color', 'image_raw_color', 'image_rect_color', 'image_rect', 'image_mono'),
    *('image_rect_mono', 'rgb', 'color', 'video', 'frame'),
)
"""Last parts of the names of image topics; of several streams of one camera the first of these is taken."""
GENERIC = frozenset({*STREAMS, 'rgb', 'color', 'camera', 'cameras', 'cam', 'sensors', 'sensor', 'image', 'stream'})
"""Parts of a name that say nothing about which camera it is."""
NO_COLOR = re.compile(
    r'depth|disparity|confidence|mask|segment|label|overlay|theora|annotat|debug|costmap|thumbnail', re.IGNORECASE
)
"""In the name of a topic: it does not show what a colour camera sees."""
INPUT_NAMES = ('cameras', 'image_topic', 'camera_info_topic', 'image_transport', 'image_transports')


@dataclass(frozen=True)
class BagCamera:
    """One camera and its topics."""

    name: str
    topic: str
    transport: str
    info_topic: str | None
    """None: the bag has no calibration of it."""
    rectified: bool = False
    """The images arrive without distortion."""


def find_cameras(
    topics: Sequence[Topic], settings: IntakeSettings, given: Collection[str], namespace: str = ''
) -> tuple[BagCamera, ...]:
    """The cameras of a bag.

    Args:
        topics: of the bag.
        settings: names and patterns of topics.
        given: names of the settings that the user gave. Without any of :data:`INPUT_NAMES` all colour images are
            taken, whatever their names.
        namespace: relative names are taken in it, and without names only cameras in it are found.

    Raises:
        ValueError: none was found, or not all that were named; the message says what the bag has instead.
    """
    images = [topic for topic in topics if topic.type in IMAGE_TYPES and not NO_COLOR.search(topic.name)]
    infos = {topic.name for topic in topics if topic.type == INFO_TYPE}
    prefix = _absolute('', namespace)
    if not set(given) & set(INPUT_NAMES):
        found = _as_drivers_name_them([topic for topic in images if topic.name.startswith(prefix)], infos)
    else:
        found = _as_settings_name_them(images, infos, settings, given, namespace)
    if not found:
        raise ValueError(f'no colour images found among the topics{_there(topics, "")}')
    return found


def tf_topics(topics: Iterable[Topic], cameras: Iterable[BagCamera], chosen: Collection[str]) -> dict[str, bool]:
    """Topics with transforms, and whether each is static.

    Without a choice those in the namespaces of the cameras: ``/tf`` and ``/robot1/tf`` for ``/robot1/front/image``.
    """
    places = [camera.topic for camera in cameras]
    found = {}
    for topic in topics:
        space = topic.name.rpartition('/')[0] + '/'
        wanted = topic.name in chosen if chosen else any(place.startswith(space) for place in places)
        if topic.type == TF_TYPE and wanted:
            found[topic.name] = topic.name.endswith('tf_static')
    return found


def output_topics(topics: Iterable[Topic]) -> set[str]:
    """Topics that an earlier capture published, in whatever namespace: all beside those of its own message types."""
    own = {topic.name.rpartition('/')[0] + '/' for topic in topics if topic.type.startswith(OUTPUT_PACKAGE)}
    synthetic = tuple(space for space in own if space.endswith('/synthetic/'))
    found = {topic.name for topic in topics if topic.name.startswith(tuple(own - set(synthetic)))}
    return found | {topic.name for topic in topics if topic.name.rpartition('/')[2] == 'diagnostics'}


def _as_settings_name_them(
    images: Sequence[Topic],
    infos: Collection[str],
    settings: IntakeSettings,
    given: Collection[str],
    namespace: str,
) -> tuple[BagCamera, ...]:
    by_name = {topic.name: topic for topic in images}
    pattern = settings.image_topic
    names = settings.cameras if 'cameras' in given else _names_in(by_name, _absolute(pattern, namespace))
    found, missing = [], []
    for index, name in enumerate(names):
        plain = _absolute(pattern.format(camera=name), namespace)
        transports = settings.image_transports if any(settings.image_transports) else (settings.image_transport,)
        chosen = transports[index] if len(transports) > 1 else transports[0]
        order = (chosen,) if {'image_transport', 'image_transports'} & set(given) else ('raw', 'compressed')
        places = {'raw': plain, 'compressed': plain + SUFFIX}
        usable = [t for t in order if places[t] in by_name and IMAGE_TYPES[by_name[places[t]].type] == t]
        if not usable:
            missing.append(plain + (SUFFIX if order == ('compressed',) else ''))
            continue
        info = _absolute(settings.camera_info_topic.format(camera=name), namespace)
        topic = places[usable[0]]
        found.append(BagCamera(name, topic, usable[0], _info_of(topic, infos, info), not settings.rectify))
    if missing:
        raise ValueError(f'the bag has no images on {", ".join(missing)}{_there(images, " of cameras")}')
    return tuple(found)


def _as_drivers_name_them(images: Sequence[Topic], infos: Collection[str]) -> tuple[BagCamera, ...]:
    streams: dict[str, list[tuple[int, int, Topic]]] = {}
    for topic in images:
        transport = IMAGE_TYPES[topic.type]
        plain = topic.name.removesuffix(SUFFIX)
        base, _, stream = plain.rpartition('/')
        if stream not in STREAMS:
            base, stream = plain, ''
        rank = STREAMS.index(stream) if stream else len(STREAMS)
        streams.setdefault(base, []).append((transport == 'compressed', rank, topic))
    chosen = {base: min(of_camera, key=lambda entry: entry[:2])[2] for base, of_camera in streams.items()}
    found = []
    for base, name in zip(chosen, _short_names(list(chosen))):
        topic = chosen[base]
        info = _info_of(topic.name, infos, f'{base}/camera_info', f'/{name}/camera_info')
        rectified = 'rect' in topic.name.removesuffix(SUFFIX).rpartition('/')[2]
        found.append(BagCamera(name, topic.name, IMAGE_TYPES[topic.type], info, rectified))
    return tuple(sorted(found, key=lambda camera: _natural(camera.name)))


def _short_names(bases: list[str]) -> list[str]:
    """What tells the cameras apart: their topics without the parts that all have or that say nothing."""
    paths = [[part for part in base.split('/') if part] for base in bases]
    telling = []
    for path in paths:
        own = [p for p in path if len(paths) == 1 or not all(p in other for other in paths)]
        useful = [part for part in own if part not in GENERIC] or [p for p in own if p not in STREAMS] or ['camera']
        telling.append(useful[-1:] if len(paths) == 1 else useful)
    names = ['_'.join(parts) for parts in telling]
    return names if len(set(names)) == len(names) else ['_'.join(path) or 'camera' for path in paths]


def _names_in(topics: Iterable[str], pattern: str) -> tuple[str, ...]:
    """What stands for ``{camera}`` in the topics that fit a pattern."""
    before, _, after = pattern.partition('{camera}')
    fitting = re.compile(f'{re.escape(before)}(.+?){re.escape(after)}({SUFFIX})?')
    names = {match.group(1) for topic in topics if (match := fitting.fullmatch(topic))}
    return tuple(sorted(names, key=_natural))


def _info_of(topic: str, infos: Collection[str], *candidates: str) -> str | None:
    """The calibration of an image topic: where the settings say, else beside the images, else a level above."""
    plain = topic.removesuffix(SUFFIX)
    beside = plain.rpartition('/')[0]
    above = beside.rpartition('/')[0]
    places = (*candidates, f'{beside}/camera_info', f'{plain}/camera_info', f'{above}/camera_info')
    return next((place for place in places if place in infos), None)


def _absolute(name: str, namespace: str) -> str:
    """A topic name as a node in the namespace would resolve it."""
    if name.startswith('/'):
        return name
    space = namespace.strip('/')
    return f'/{space}/{name}' if space else f'/{name}'


def _there(topics: Iterable[Topic], which: str) -> str:
    names = [topic.name for topic in topics if topic.type in IMAGE_TYPES]
    if not names:
        return f'; it has no images{which}'
    return (
        f'; it has {", ".join(names[:8])}{", ..." if len(names) > 8 else ""} (choose with --cameras, --image-topic)'
    )


def _natural(name: str) -> list[tuple[int, str]]:
    """Order in which camera_2 comes before camera_10."""
    return [(int(part), '') if part.isdigit() else (-1, part) for part in re.split(r'(\d+)', name) if part]
