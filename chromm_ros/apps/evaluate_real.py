"""``chromm evaluate real``: how well people on real calibrated cameras are captured, without any truth in 3-D."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from json import dumps
from pathlib import Path
from typing import Any, Literal

import numpy as np
from tqdm import tqdm
from tyro.conf import Positional

from chromm_ros.body.model import BodyModel
from chromm_ros.capture.capture import Capture
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.evaluation.commands import table
from chromm_ros.evaluation.moving_pictures import MovingPicture
from chromm_ros.evaluation.real import RealScore, score_run, switched_off
from chromm_ros.evaluation.scoring import CameraScore
from chromm_ros.flow import ImageSet, Snapshot
from chromm_ros.network.loading import load_network
from chromm_ros.recording import footage
from chromm_ros.recording.calibration_formats import read_cameras
from chromm_ros.recording.sources import open_source
from chromm_ros.ros.nodes.model import device_of
from chromm_ros.settings import UsageError, changed

OFF_FROM, OFF_FOR = 1.0, 2.0
"""When one camera is switched off, and for how long [s]."""

Sets = Callable[[], Iterable[ImageSet]]


def evaluate_real(
    inputs: Positional[tuple[Path, ...]] = (),
    calibration: Path | None = None,
    demo: Literal['multi', 'single', 'both'] = 'both',
    seconds: float = 4.0,
    rate: float = 10.0,
    preset: Literal['auto', 'open', 'tiny', 'full'] = 'auto',
    weights: Path | None = None,
    device: str = 'auto',
    extrinsics: Literal['auto', 'tf_then_refine'] = 'auto',
    cameras_off: bool = True,
    rig: bool = True,
    json: Path | None = None,
    pictures: Path | None = None,
) -> int:
    """Measure a capture of real people by its own cameras: reprojection, a view left out in turn, ids, cameras.

    Without inputs the footage of Pose2Sim's demos is used, which is fetched with pip once (51 MB).

    Args:
        inputs: videos or folders of pictures, one per camera, that began at one time.
        calibration: of the inputs: intrinsics and poses of all cameras.
        demo: which of the demos, without inputs.
        seconds: of the recording that are used at most; the demos play forwards and backwards in turn.
        rate: image sets per second.
        preset: of the network.
        weights: of the network.
        device: of the network.
        extrinsics: take the calibration as it is, or let people correct it.
        cameras_off: also see whether ids stay while each camera in turn is off for two seconds.
        rig: also find the cameras from the people, and compare them with the calibration.
        json: file for the numbers.
        pictures: folder for a moving picture of each recording (WebP): the bodies over the images of all cameras.
    """
    if bool(inputs) != (calibration is not None):
        raise UsageError('inputs and --calibration go together: only known cameras can be compared with')
    settings = changed(CaptureSettings(), {'extrinsics': extrinsics})
    body = BodyModel.load()
    network = load_network(preset, weights, device_of(device), body=body)
    result: dict[str, Any] = {}
    for name, (sets, views) in _sources(inputs, calibration, demo, seconds, rate).items():
        picture = None if pictures is None else MovingPicture()
        result[name] = measured(
            network, body, sets, views, name, cameras_off=cameras_off, rig=rig, settings=settings, picture=picture
        )
        if picture is not None and pictures is not None:
            picture.write(pictures / f'{name}.webp')
        print(f'{name}\n{table(result[name], 2)}', flush=True)
    if json is not None:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(dumps(result, indent=1) + '\n')
    return 0


def measured(
    network: Any,
    body: BodyModel,
    sets: Sets,
    views: Sequence[str],
    name: str,
    *,
    cameras_off: bool = True,
    rig: bool = True,
    settings: CaptureSettings | None = None,
    picture: MovingPicture | None = None,
) -> dict[str, Any]:
    """All measures of one recording.

    Args:
        sets: gives the image sets anew at every call.
        settings: of the run whose accuracy is measured.
        picture: what is measured is drawn into it.
    """
    result = _run(network, body, sets(), views, name, settings, picture).summary()
    if cameras_off and len(views) > 1:
        result['one_camera_off'] = {
            view: _ids(_run(network, body, switched_off(sets(), view, OFF_FROM, OFF_FOR), views, f'without {view}'))
            for view in views
        }
    if rig and len(views) > 1:
        result['cameras_from_people'] = _rig(network, body, sets(), views)
    return result


def _sources(
    inputs: Sequence[Path], calibration: Path | None, demo: str, seconds: float, rate: float
) -> dict[str, tuple[Sets, Sequence[str]]]:
    if inputs and calibration is not None:
        source = open_source(inputs, rate, read_cameras(calibration))
        return {'recording': (lambda: _first(source, seconds), source.views)}
    found: dict[str, tuple[Sets, Sequence[str]]] = {}
    for name in footage.DEMOS if demo == 'both' else (demo,):
        clip = footage.load(name, rate)
        found[name] = _clip(clip, seconds), tuple(clip.cameras)
    return found


def _clip(clip: footage.Footage, seconds: float) -> Sets:
    return lambda: clip.image_sets(seconds)


def _first(sets: Iterable[ImageSet], seconds: float) -> Iterable[ImageSet]:
    first: int | None = None
    for images in sets:
        first = images.stamp if first is None else first
        if (images.stamp - first) * 1e-9 > seconds:
            return
        yield images


def _run(
    network: Any,
    body: BodyModel,
    sets: Iterable[ImageSet],
    views: Sequence[str],
    name: str,
    settings: CaptureSettings | None = None,
    picture: MovingPicture | None = None,
) -> RealScore:
    shown = tqdm(sets, desc=name, unit=' sets', disable=None, leave=False)
    return score_run(network, body, shown, views, settings, watch=None if picture is None else picture.add)


def _ids(score: RealScore) -> dict[str, Any]:
    """What a run with one camera less is asked for."""
    summary = score.summary()
    return {name: summary[name] for name in ('people_per_set', 'ids')}


def _rig(network: Any, body: BodyModel, sets: Iterable[ImageSet], views: Sequence[str]) -> dict[str, Any]:
    """Cameras that were found from the people, at the end, against the calibration."""
    given: dict[str, np.ndarray] = {}

    def remembered() -> Iterable[ImageSet]:
        for images in tqdm(sets, desc='cameras', unit=' sets', disable=None, leave=False):
            poses = {view: image.world_from_camera for view, image in images.views.items()}
            given.update({view: pose for view, pose in poses.items() if pose is not None})
            yield images

    settings = changed(CaptureSettings(), {'extrinsics': 'estimated'})
    capture = Capture(network, body, settings, views)
    last: Snapshot | None = None
    for images in remembered():
        last = capture.add(images) or last
    found = {} if last is None else {camera.view: camera.world_from_camera for camera in last.cameras}
    both = [view for view in given if found.get(view) is not None]
    compared = CameraScore()
    if len(both) > 1:
        compared.add(np.stack([given[v] for v in both]), np.stack([np.asarray(found[v]) for v in both]))
    return {'cameras': len(both), **compared.summary(), 'notes': [] if last is None else list(last.messages)}
