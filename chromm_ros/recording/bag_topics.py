"""Which topics of a bag are the cameras of a rig: as the settings name them, or as drivers usually name theirs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from chromm_ros.intake.settings import IntakeSettings
from chromm_ros.recording.bags import Topic

RAW_TYPE = 'sensor_msgs/msg/Image'
IMAGE_TYPES = {RAW_TYPE: 'raw', 'sensor_msgs/msg/CompressedImage': 'compressed'}
"""Type -> transport."""
INFO_TYPE = 'sensor_msgs/msg/CameraInfo'
TF_TYPE = 'tf2_msgs/msg/TFMessage'
OUTPUT_PACKAGE = 'chromm_ros/msg/'
SUFFIX = '/compressed'

VIDEO_TYPES = re.compile(r'(Packet|CompressedVideo|H26[45]\w*)$')
"""Encoded video (H.264 and the like), which is not read."""

STREAM = re.compile(
    r'(image(_(raw|rect|rectified|colou?r|mono|gr[ae]y|compressed|resized?|crop(ped)?|scaled))*|img|raw|rect|rectified'
    r'|rgb|bgr|colou?r|mono|gr[ae]y|video|frame|preview|compressed|resized?|crop(ped)?|scaled)(_raw|_rect|_gr[ae]y)?',
    re.IGNORECASE,
)
"""Parts of a topic that say in which form a camera sends its images, not which camera it is."""
GENERIC = frozenset({'camera', 'cameras', 'cam', 'sensors', 'sensor', 'stream'})
"""Further parts that say nothing about which camera it is."""
DERIVED = re.compile(r'resize|crop|scaled|preview', re.IGNORECASE)
"""In the name of a stream: less than the camera gave."""
DEPTH = re.compile(r'depth|disparity|confidence|/stereo(/image\w*|/rect|/color)*$', re.IGNORECASE)
"""In the name of a topic: how far things are, or (ZED) both pictures side by side."""
NO_COLOR = re.compile(
    r'mask|segment|label|overlay|theora|annotat|debug|dbg|detection|passthrough|tracked|result|heat_?map|costmap'
    r'|thumbnail|visuali[sz]',
    re.IGNORECASE,
)
"""In the name of a topic: something was drawn into what a camera sees, or computed from it."""
INFRARED = re.compile(r'/(\w+_)?(ir|infra\d*|infrared\d*|thermal|lwir)(/|$)', re.IGNORECASE)
"""The lenses of a depth camera that it measures with, lit by patterns: cameras only where there are no others."""
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
    images = [topic for topic in topics if topic.type in IMAGE_TYPES]
    infos = {topic.name for topic in topics if topic.type == INFO_TYPE}
    prefix = _absolute('', namespace)
    if not set(given) & set(INPUT_NAMES):
        shown = [topic for topic in images if topic.name.startswith(prefix) and _shows_colour(topic.name)]
        usual = [topic for topic in shown if not INFRARED.search(topic.name)]
        found = _as_drivers_name_them(usual or shown, infos)
    else:
        found = _as_settings_name_them(images, infos, settings, given, namespace)
    if not found:
        raise ValueError(f'no colour images found among the topics{_there(topics, "")}')
    return found


def other_pictures(topics: Iterable[Topic], cameras: Iterable[BagCamera]) -> tuple[str, ...]:
    """Topics that show something, and are neither one of the cameras in another form nor depth."""
    used = {_place(camera.topic) for camera in cameras}
    return tuple(
        topic.name
        for topic in topics
        if (topic.type in IMAGE_TYPES or VIDEO_TYPES.search(topic.type))
        and not DEPTH.search(topic.name)
        and _place(topic.name) not in used
    )


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


def _shows_colour(topic: str) -> bool:
    return not (DEPTH.search(topic) or NO_COLOR.search(topic))


def _as_drivers_name_them(images: Sequence[Topic], infos: Collection[str]) -> tuple[BagCamera, ...]:
    streams: dict[str, list[Topic]] = {}
    for topic in images:
        streams.setdefault(_place(topic.name), []).append(topic)
    chosen = [min(own, key=lambda topic: _preference(topic, infos)) for own in streams.values()]
    found = []
    for topic, name in zip(chosen, _short_names([_without_image(topic.name) for topic in chosen])):
        info = _info_of(topic.name, infos, f'/{name}/camera_info')
        found.append(BagCamera(name, topic.name, IMAGE_TYPES[topic.type], info, _is_rectified(topic.name)))
    return tuple(sorted(found, key=lambda camera: _natural(camera.name)))


def _parts(topic: str) -> list[str]:
    return [part for part in topic.split('/') if part]


def _without_image(topic: str) -> list[str]:
    """The parts of a name before the one that says image; what comes behind it is a transport."""
    parts = _parts(topic.removesuffix(SUFFIX))
    said = [index for index, part in enumerate(parts) if part.lower().startswith('image') and STREAM.fullmatch(part)]
    return parts[: said[-1]] if said else parts


def _place(topic: str) -> str:
    """What all streams of one lens have in common: their names without what says in which form it sends."""
    parts = _without_image(topic)
    while parts and STREAM.fullmatch(parts[-1]):
        if parts[-2:-1] == ['zed_node']:
            return '/'.join([*parts[:-1], 'left'])  # a ZED calls its left lens rgb, too
        parts = parts[:-1]
    return re.sub(r'_(raw|rect|gr[ae]y)$', '', '/'.join(parts))


def _is_rectified(topic: str) -> bool:
    return any('rect' in part.lower() for part in _parts(topic) if STREAM.fullmatch(part))


def _preference(topic: Topic, infos: Collection[str]) -> tuple[bool, ...]:
    """Of several streams of a lens the smallest is taken: whole before derived, raw before compressed, with
    calibration, colour before gray, as the lens gave it before rectified."""
    name = topic.name.lower()
    plain = _parts(name.removesuffix(SUFFIX))
    whole = bool(STREAM.fullmatch(plain[-1])) or plain == _without_image(name)
    return (
        not whole or bool(DERIVED.search(name)),
        topic.type != RAW_TYPE,
        _info_of(topic.name, infos) is None,
        bool(re.search(r'mono|gr[ae]y', name)),
        _is_rectified(name),
    )


def _short_names(paths: list[list[str]]) -> list[str]:
    """What tells the cameras apart: the parts of their topics without those that all have or that say nothing."""
    telling = []
    for path in paths:
        own = [p for p in path if len(paths) == 1 or not all(p in other for other in paths)]
        telling.append([part for part in own if part not in GENERIC and not STREAM.fullmatch(part)] or own)
    if len(paths) == 1:
        telling = [[part for part in telling[0] if not STREAM.fullmatch(part)][-1:]]
    names = ['_'.join(parts) or 'camera' for parts in telling]
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
        videos = [f'{topic.name} ({topic.type})' for topic in topics if VIDEO_TYPES.search(topic.type)]
        known = (
            f'; {", ".join(videos)} is encoded video, which `ros2 run image_transport republish` turns into images'
        )
        return f'; it has no images{which}{known if videos else ""}'
    return (
        f'; it has {", ".join(names[:8])}{", ..." if len(names) > 8 else ""} (choose with --cameras, --image-topic)'
    )


def _natural(name: str) -> list[tuple[int, str]]:
    """Order in which camera_2 comes before camera_10."""
    return [(int(part), '') if part.isdigit() else (-1, part) for part in re.split(r'(\d+)', name) if part]
