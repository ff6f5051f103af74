"""``chromm calibrate``: where cameras stand, from people who walk through their views; live or from a recording."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tqdm import tqdm

from chromm_ros.apps import reconstruct
from chromm_ros.apps.inputs import InputFlags, Inputs, inputs_of
from chromm_ros.apps.live_sets import LiveSets
from chromm_ros.apps.processes import stop_requests
from chromm_ros.body.model import BodyModel
from chromm_ros.network.loading import load_network
from chromm_ros.recording.calibration import CameraFile, write_cameras
from chromm_ros.recording.calibration_formats import read_cameras, write_toml
from chromm_ros.recording.calibration_report import static_transforms, table, write_report
from chromm_ros.recording.calibration_yaml import write_ros
from chromm_ros.recording.people_calibration import Outcome, PeopleCalibrator
from chromm_ros.ros.inputs.bag_source import BagSource
from chromm_ros.ros.nodes.model import device_of
from chromm_ros.settings import UsageError

LIVE_SIGHTINGS = 40
"""Times after which a live calibration ends by itself, once every camera passes: ten seconds of walking or more."""

GROWTH = 1.3
"""A live calibration is estimated anew when it has so many times as many sightings."""

PATIENCE = 10.0
"""Seconds without an image after which it is said again that none comes."""


@dataclass(frozen=True)
class Options:
    """How cameras are calibrated.

    Args:
        out: folder for cameras.json, Calib.toml, static_transforms.launch.py, camera_info/ and the report.
        calibration: what is known of some of the cameras, in the formats of chromm reconstruct; lenses are kept, and
            given poses define the world.
        extrinsics: auto keeps poses that are given (calibration, TF); estimated finds all anew.
        height: mean standing height of the people who walk [m], which sets the scale; default that of an adult.
        rate: image sets per second to look at; default four.
        duration: seconds after which a live calibration ends; 0: when every camera passes, or at Ctrl-C.
        offset: NAME=SECONDS for cameras whose clock is behind or that were started later by hand.
        preset: network that sees the people; it has to read landmarks or bodies in single images.
        weights: weight file.
        body: your SMPLX_NEUTRAL.npz; default the free body.
        device: cpu, cuda, or auto.
        quiet: no progress.
        inputs: what comes in, as the node's parameters say it.
    """

    out: Annotated[Path, tyro.conf.arg(aliases=['-o'])]
    calibration: Path | None = None
    extrinsics: Literal['auto', 'estimated'] = 'auto'
    height: float | None = None
    rate: float | None = None
    duration: float = 0.0
    offset: tuple[str, ...] = ()
    preset: Literal['auto', 'open', 'full'] = 'auto'
    weights: Path | None = None
    body: Path | None = None
    device: str = 'auto'
    quiet: bool = False
    inputs: tyro.conf.OmitArgPrefixes[InputFlags] = field(default_factory=InputFlags)

    def check(self) -> None:
        """
        Raises:
            UsageError: an option makes no sense; the message says which.
        """
        if self.height is not None and not 0.5 <= self.height <= 2.5:
            raise UsageError(f'height is {self.height}; metres from 0.5 to 2.5 expected')
        if self.duration < 0:
            raise UsageError(f'duration is {self.duration}; seconds expected, or 0 for until every camera passes')
        if self.rate is not None and self.rate <= 0:
            raise UsageError(f'rate is {self.rate}; it must be more than 0 image sets per second')


def calibrate(
    inputs: Annotated[tuple[Path, ...], tyro.conf.Positional], options: tyro.conf.OmitArgPrefixes[Options]
) -> int:
    """Find where cameras stand from people who walk through their views; no board is needed.

    Somebody walks through all views, one after the other, so that two cameras see the person at once. Each camera is
    verified: at least six times, halves that agree, most people seen where they should be. Cameras that fail are left
    out, the exit status is then 1, and the report says who should walk where.

    Args:
        inputs: a recording, as for chromm reconstruct: one bag, or one video or folder per camera. None: live topics.
    """
    options.check()
    known: dict[str, CameraFile] = {} if options.calibration is None else read_cameras(options.calibration)
    chosen = inputs_of(options.inputs, {'extrinsics': options.extrinsics})
    device = device_of(options.device)
    body = BodyModel.load(options.body and options.body.expanduser())
    network = load_network(options.preset, options.weights, device, body=body)
    names = () if inputs else chosen.parameters.node.cameras
    calibrator = PeopleCalibrator(network, names, options.height, use_poses=options.extrinsics == 'auto')
    options.out.expanduser().mkdir(parents=True, exist_ok=True)
    if inputs:
        frames = _from_recording(inputs, options, chosen, calibrator)
    else:
        frames = _live(options, chosen, known, calibrator)
    if not len(calibrator):
        raise ValueError('nobody was seen by any camera: are the topics or files right, and did somebody walk?')
    outcome = calibrator.estimate()
    _write(options.out.expanduser(), outcome, calibrator, known, frames, chosen.parameters.node.world_frame)
    return 0 if outcome.calibration.verified else 1


def _from_recording(
    inputs: tuple[Path, ...], options: Options, chosen: Inputs, calibrator: PeopleCalibrator
) -> dict[str, str]:
    """Look at a whole recording; returns the TF frames of its cameras, as far as it names any."""
    source = reconstruct.open_inputs(
        tuple(path.expanduser() for path in inputs),
        reconstruct.Options(
            out=options.out,
            rate=options.rate,
            calibration=options.calibration,
            offset=options.offset,
            extrinsics=options.extrinsics,
            inputs=options.inputs,
        ),
        chosen,
    )
    with tqdm(total=source.count, unit=' sets', desc='looking for people', disable=options.quiet) as bar:
        for images in source:
            calibrator.add(images)
            bar.update()
            bar.set_postfix(times=len(calibrator))
    for note in source.notes:
        print(f'note: {note}')
    return source.frames if isinstance(source, BagSource) else {}


def _live(
    options: Options, chosen: Inputs, known: dict[str, CameraFile], calibrator: PeopleCalibrator
) -> dict[str, str]:
    """Look at live topics until every camera passes; returns the TF frames of the cameras."""
    use_poses = options.extrinsics == 'auto'
    tried, started, heard, outcome = 0, time.monotonic(), time.monotonic(), None
    with (
        LiveSets(chosen.parameters, chosen.namespace, 'chromm_calibrate', use_poses) as sets,
        stop_requests() as stop,
    ):
        for name, camera in known.items():
            sets.assembler.use_lens(name, camera.lens())
        _say(
            options, 'Walk through all views, one after the other, so that two cameras see you at once; Ctrl-C ends.'
        )
        while not stop and not (options.duration and time.monotonic() - started > options.duration):
            images = sets.next(timeout=0.2)
            if images is None:
                if time.monotonic() - heard > PATIENCE:
                    heard = time.monotonic()
                    counts = ', '.join(f'{view} {count}' for view, count in sets.images.items())
                    print(f'no image set for {PATIENCE:.0f} s; images so far: {counts}', file=sys.stderr)
                continue
            heard = time.monotonic()
            if not calibrator.add(images) or len(calibrator) < GROWTH * tried or not calibrator.enough:
                continue
            tried, outcome = len(calibrator), calibrator.estimate()
            _say(options, _progress(outcome))
            if outcome.calibration.verified and len(calibrator) >= LIVE_SIGHTINGS:
                break
        return sets.frames


def _say(options: Options, text: str) -> None:
    if not options.quiet:
        print(text, flush=True)


def _progress(outcome: Outcome) -> str:
    """One line: which cameras pass, and what to do for the first that does not."""
    marks = ' '.join(f'{view}{"" if check.problem else " ok"}' for view, check in outcome.calibration.checks.items())
    problems = [check.problem for check in outcome.calibration.checks.values() if check.problem]
    return f'{outcome.sightings:3} times  [{marks}]  {problems[0] if problems else "good, a little more"}'


def _write(
    out: Path,
    outcome: Outcome,
    calibrator: PeopleCalibrator,
    known: dict[str, CameraFile],
    frames: dict[str, str],
    world: str,
) -> None:
    """The report, and files of the cameras that may be trusted; none where no camera is."""
    write_report(out, outcome, calibrator)
    print(table(outcome))
    trusted = outcome.calibration.world_from_camera
    if not trusted:
        print(f'No camera could be verified, so only the report was written: {out}')
        return
    cameras = outcome.cameras(known)
    write_cameras(out / 'cameras.json', cameras)
    write_toml(out / 'Calib.toml', cameras)
    write_ros(out / 'camera_info', {view: cameras[view] for view in cameras if view not in known})
    (out / 'static_transforms.launch.py').write_text(static_transforms(trusted, frames, world))
    missing = [view for view in outcome.calibration.checks if view not in trusted]
    left_out = f', without {", ".join(missing)}' if missing else ''
    print(f'{len(trusted)} cameras{left_out}: {out}')
