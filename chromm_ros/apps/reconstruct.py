"""``chromm reconstruct``: bags, videos, folders of images or single images into people, scene and cameras."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from chromm_ros.body.model import BodyModel
from chromm_ros.capture.capture import Capture
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.network.loading import load_network
from chromm_ros.recording.calibration import read_cameras
from chromm_ros.recording.reconstruct import SUMMARY, Summary
from chromm_ros.recording.reconstruct import reconstruct as run_capture
from chromm_ros.recording.sources import Source, open_source
from chromm_ros.ros.inputs.bag_source import BagSource
from chromm_ros.ros.nodes.model import device_of
from chromm_ros.settings import changed

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
        rate: image sets per second to use; default all (10 for folders).
        calibration: JSON with known cameras, as this command writes it.
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
        quiet: no progress bar.
    """

    out: Annotated[Path, tyro.conf.arg(aliases=['-o'])]
    rate: float | None = None
    calibration: Path | None = None
    extrinsics: Literal['auto', 'tf', 'estimated', 'tf_then_refine'] = 'auto'
    rig_moves: bool = False
    window: int = CHUNK
    overlap: int = OVERLAP
    preset: Literal['auto', 'open', 'tiny', 'full'] = 'auto'
    weights: Path | None = None
    human_head: Literal['chromm', 'multi_hmr'] = 'chromm'
    body: Path | None = None
    device: str = 'auto'
    precision: Literal['auto', 'fp32', 'bf16', 'fp16'] = 'auto'
    quiet: bool = False


def reconstruct(
    inputs: Annotated[tuple[Path, ...], tyro.conf.Positional], options: tyro.conf.OmitArgPrefixes[Options]
) -> int:
    """People, scene and cameras of recordings: one bag; or videos, folders of images or images, one per camera.

    Writes people.npz (SMPL-X parameters, joints, ids), scene.ply, cameras.json, trajectories.npz, colmap/, page.html
    and summary.json.

    Args:
        inputs: a bag, or one video, folder or image per camera.
    """
    summary = reconstruct_files(inputs, options)
    print(
        f'{summary.image_sets} image sets, {summary.windows} windows, {summary.people} people, '
        f'{summary.points} points in {summary.seconds:.1f} s: {options.out}'
    )
    for note in summary.notes:
        print(f'note: {note}')
    return 0


def reconstruct_files(inputs: tuple[Path, ...], options: Options) -> Summary:
    """Run one job.

    Raises:
        FileNotFoundError, ValueError: an input is missing or unusable; the message says which.
        FileExistsError: the folder holds the results of a finished run.
    """
    if not inputs:
        raise ValueError('no input given')
    if (options.out / SUMMARY).exists():
        raise FileExistsError(f'{options.out} holds a finished run; choose another folder')
    if options.rig_moves and not options.overlap:
        raise ValueError('windows of moving cameras hang together by shared images: overlap must be at least 1')
    if not 0 <= options.overlap < options.window:
        raise ValueError(
            f'overlap is {options.overlap}; it must be at least 0 and less than the window {options.window}'
        )
    if options.rate is not None and options.rate <= 0:
        raise ValueError(f'rate is {options.rate}; it must be more than 0 image sets per second')
    source = _source(inputs, options)
    settings = changed(
        CaptureSettings(),
        {
            'extrinsics': options.extrinsics,
            'world.rig_moves': options.rig_moves,
            'window_size': options.window,
            'window_stride': options.window - options.overlap,
            'max_gap': LONGEST_GAP,
            'scene.min_hits': 1,  # long windows are few; a photo or a short video is one
        },
    )
    body = BodyModel.load(options.body)
    network = load_network(
        options.preset,
        weights=options.weights,
        device=device_of(options.device),
        precision=options.precision,
        human_head=options.human_head,
        body=body,
    )
    capture = Capture(network, body, settings, source.views)
    return run_capture(source, capture, body, options.out, quiet=options.quiet)


def _source(inputs: tuple[Path, ...], options: Options) -> Source:
    if len(inputs) == 1 and (inputs[0] / 'metadata.yaml').is_file():
        if options.calibration is not None:
            raise ValueError('a bag brings its calibration along (CameraInfo, TF); --calibration is for other inputs')
        return BagSource(inputs[0], use_extrinsics=options.extrinsics != 'estimated', rate=options.rate)
    known = {} if options.calibration is None else read_cameras(options.calibration)
    return open_source(inputs, options.rate, known)
