"""``chromm reconstruct``: bags, videos, folders of images or single images into people, scene and cameras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import tyro

from chromm_ros.apps.inputs import InputFlags, Inputs, inputs_of, offsets_of
from chromm_ros.body.model import BodyModel
from chromm_ros.capture.capture import Capture
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.network.chromm import HumanHeadName
from chromm_ros.network.loading import load_network
from chromm_ros.recording.bag_files import is_bag
from chromm_ros.recording.calibration import CameraFile
from chromm_ros.recording.calibration_checks import suspicions
from chromm_ros.recording.calibration_formats import read_cameras
from chromm_ros.recording.notes import left_out
from chromm_ros.recording.reconstruct import SUMMARY, Summary
from chromm_ros.recording.reconstruct import reconstruct as run_capture
from chromm_ros.recording.sources import FileSource, Source, open_source
from chromm_ros.recording.synchronise import synchronise
from chromm_ros.ros.inputs.bag_source import BagSource
from chromm_ros.ros.nodes.model import device_of
from chromm_ros.settings import UsageError, changed

CHUNK = 25
"""Steps of a window (CHROMM 4.2: sequences are cut into chunks of 25 and stitched)."""

OVERLAP = CaptureSettings.window_size - 1
"""Steps that windows share, so that the first new one has as many before it as it has in a live run."""

LONGEST_GAP = 3600.0
"""Seconds that a window may span: recordings of any rate fill theirs, where a live window would drop old steps."""


@dataclass(frozen=True)
class Options:
    """How recordings are processed.

    Args:
        out: folder for the results; a folder with an unfinished run is resumed.
        rate: image sets per second to use; default all. Of pictures with numbers in their names, how many consecutive
            numbers make a second (10).
        calibration: known cameras: cameras.json as this command writes it, Calib.toml (Pose2Sim, anipose), OpenCV
            YAML, ROS camera_info YAML, Kalibr camchain, or a folder with a COLMAP model or one file per camera.
        offset: NAME=SECONDS for cameras whose clock is behind or that were started later by hand; is added to their
            stamps.
        synchronise: find the offsets from the recording itself, by the sound or by what moves; auto takes the sound
            where every camera has it.
        extrinsics: auto uses known poses (TF of a bag, calibration) where there are any; estimated ignores them.
        rig_moves: cameras without a known pose move, as a camera in the hand does; else they stand still.
        window: steps per window.
        overlap: steps that neighbouring windows share.
        preset: network; open is for real cameras, tiny for the synthetic studio, full takes your weights, auto is
            what --weights holds, else open.
        weights: weight file.
        human_head: head that reads people.
        body: your SMPLX_NEUTRAL.npz; default the free body.
        device: cpu, cuda, or auto.
        precision: number format of the network; auto: bf16 where the device has it, else fp32.
        key_step: in long windows of preset full or tiny, of other images only every so many-th patch is looked at:
            faster, and not exact; 1: all.
        quiet: no progress bar.
        inputs: what comes in, as the node's parameters say it.
    """

    out: Annotated[Path, tyro.conf.arg(aliases=['-o'])]
    rate: float | None = None
    calibration: Path | None = None
    offset: tuple[str, ...] = ()
    synchronise: Literal['off', 'auto', 'sound', 'motion'] = 'off'
    extrinsics: Literal['auto', 'tf', 'estimated', 'tf_then_refine'] | None = None
    rig_moves: bool = False
    window: int = CHUNK
    overlap: int = OVERLAP
    preset: Literal['auto', 'open', 'tiny', 'full'] | None = None
    weights: Path | None = None
    human_head: Literal['chromm', 'multi_hmr'] | None = None
    body: Path | None = None
    device: str | None = None
    precision: Literal['auto', 'fp32', 'bf16', 'fp16'] | None = None
    key_step: int = 1
    quiet: bool = False
    inputs: tyro.conf.OmitArgPrefixes[InputFlags] = field(default_factory=InputFlags)

    def resolved(self) -> Inputs:
        """The parameters of the node as these options, and the parameter file under them, give them.

        Raises:
            FileNotFoundError, UsageError: they make no sense; the message says which.
        """
        if self.rig_moves and not self.overlap:
            raise UsageError('windows of moving cameras hang together by shared images: overlap must be at least 1')
        if not 0 <= self.overlap < self.window:
            raise UsageError(f'overlap is {self.overlap}; it must be from 0 to less than the window {self.window}')
        if self.key_step < 1:
            raise UsageError(f'key_step is {self.key_step}; it must be at least 1, which looks at all patches')
        if self.rate is not None and self.rate <= 0:
            raise UsageError(f'rate is {self.rate}; it must be more than 0 image sets per second')
        own = {
            'extrinsics': self.extrinsics,
            'preset': self.preset,
            'weights': self.weights and str(self.weights.expanduser()),
            'human_head': self.human_head,
            'body_model': self.body and str(self.body.expanduser()),
            'device': self.device,
            'precision': self.precision,
        }
        return inputs_of(self.inputs, {name: value for name, value in own.items() if value is not None})


def reconstruct(
    first: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar='INPUT')],
    others: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar='[INPUT ...]')],
    options: tyro.conf.OmitArgPrefixes[Options],
) -> int:
    """People, scene and cameras of recordings: one bag; or videos, folders of images or images, one per camera.

    Writes people.npz (SMPL-X parameters, joints, ids), scene.ply, cameras.json, trajectories.npz, colmap/, page.html
    and summary.json.

    Args:
        first: a bag (folder, .mcap, .db3, or .bag of ROS 1), or the video, folder or image of a camera.
        others: those of the other cameras.
    """
    summary = reconstruct_files((first, *others), options)
    for note in summary.notes:
        print(f'note: {note}')
    print(
        f'{summary.image_sets} image sets, {summary.windows} windows, {summary.people} people, '
        f'{summary.points} points in {summary.seconds:.1f} s: {options.out}'
    )
    print(f'left out: {left_out(summary.dropped) or "nothing"}')
    return 0


def reconstruct_files(inputs: tuple[Path, ...], options: Options) -> Summary:
    """Run one job.

    Raises:
        FileNotFoundError, ValueError: an input is missing or unusable; the message says which.
        FileExistsError: the folder holds the results of a finished run.
    """
    if not inputs:
        raise UsageError('no input given')
    out = options.out.expanduser()
    if (out / SUMMARY).exists():
        raise FileExistsError(f'{out} holds a finished run; choose another folder')
    chosen = options.resolved()
    source = open_inputs(tuple(path.expanduser() for path in inputs), options, chosen)
    node = chosen.parameters.node
    settings = changed(
        chosen.parameters.capture,
        {
            'world.rig_moves': options.rig_moves or chosen.parameters.capture.world.rig_moves,
            'window_size': options.window,
            'window_stride': options.window - options.overlap,
            'max_gap': LONGEST_GAP,
            'scene.min_hits': 1,  # long windows are few; a photo or a short video is one
        },
    )
    body = BodyModel.load(Path(node.body_model) if node.body_model else None)
    network = load_network(
        node.preset if 'preset' in chosen.given else 'auto',
        weights=node.weights or None,
        device=device_of(node.device),
        precision=node.precision,
        human_head=cast(HumanHeadName, node.human_head),
        body=body,
        max_people=node.max_people,
        key_step=options.key_step,
    )
    capture = Capture(network, body, settings, source.views)
    return run_capture(source, capture, body, out, quiet=options.quiet)


def open_inputs(inputs: tuple[Path, ...], options: Options, chosen: Inputs) -> Source:
    """The source that the inputs are, with the settings of the node.

    Raises:
        FileNotFoundError, ValueError: an input is missing or unusable; the message says which.
    """
    known: dict[str, CameraFile] = {} if options.calibration is None else read_cameras(options.calibration)
    capture = chosen.parameters.capture
    common: dict[str, Any] = {
        'settings': chosen.parameters.node,
        'given': chosen.given,
        'offsets': offsets_of(options.offset),
        'camera_timeout': capture.camera_timeout,
        'remarks': suspicions(known),
    }
    source: BagSource | FileSource
    if len(inputs) == 1 and is_bag(inputs[0]):
        source = BagSource(
            inputs[0],
            namespace=chosen.namespace,
            tf=chosen.tf_topics,
            max_out_of_order=capture.max_out_of_order,
            use_extrinsics=capture.extrinsics != 'estimated',
            rate=options.rate,
            calibration=known,
            **common,
        )
        if options.synchronise != 'off':
            raise UsageError('a bag has stamps: --synchronise is for videos and folders; use --offset NAME=SECONDS')
    else:
        source = open_source(inputs, options.rate, known, **common)
        if options.synchronise != 'off':
            found = synchronise(source, options.synchronise)
            offsets = {one.camera: one.seconds for one in found} | offsets_of(options.offset)
            remarks = [*suspicions(known), *(one.sentence() for one in found)]
            source = open_source(inputs, options.rate, known, **{**common, 'offsets': offsets, 'remarks': remarks})
    for what, unknown, wrong in (
        ('calibration', set(known) - set(source.views), not set(known) & set(source.views)),
        ('offset', set(common['offsets']) - set(source.views), True),
    ):
        if unknown and wrong:
            raise ValueError(f'the {what} names {sorted(unknown)}, but the cameras are {list(source.views)}')
    if known and set(known) != set(source.views):
        source.remarks = (*source.remarks, _about_names(set(known), source.views))
    return source


def _about_names(known: set[str], views: Sequence[str]) -> str:
    """What a calibration of other cameras leaves open."""
    others, without = sorted(known - set(views)), [view for view in views if view not in known]
    said = [f'the calibration names {", ".join(others)}, which are no cameras here'] if others else []
    return '; '.join(said + ([f'it has nothing about {", ".join(without)}'] if without else []))
