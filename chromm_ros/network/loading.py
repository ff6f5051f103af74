"""The network that a preset names, ready to run."""

from __future__ import annotations

import copy
import os
from dataclasses import replace
from pathlib import Path

import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.flow import MAX_PEOPLE
from chromm_ros.network.chromm import Chromm, HumanHeadName
from chromm_ros.network.files import weight_file
from chromm_ros.network.layers.precision import check_device, chosen_precision
from chromm_ros.network.open.network import OpenNetwork

PRESETS = ('auto', 'open', 'tiny', 'full')
AUTO = 'auto'

SMALL = ('open', 'tiny')
"""Presets whose layers are too small to share: on a busy machine a second thread costs twice the CPU time and no
window is done sooner."""
CORES_PER_THREAD = 4
"""Of these presets: the rest of the machine is left to decoding, cameras, the page and the robot."""


def chosen_preset(preset: str, weights: str | Path | None = None) -> str:
    """What ``auto`` means: the preset of the weight file where one is given, else ``open``.

    Raises:
        FileNotFoundError, ValueError: there is no such file, or it is not one of ours.
    """
    if preset != AUTO:
        return preset
    return weight_file.card(Path(weights)).get('preset', 'full') if weights else 'open'


def threads_of(preset: str, cores: int) -> int | None:
    """Threads of a CPU with so many cores that a network gains from; None: as many as PyTorch takes by itself."""
    return max(1, cores // CORES_PER_THREAD) if preset in SMALL else None


def load_network(
    preset: str = AUTO,
    weights: str | Path | None = None,
    device: str | torch.device = 'cpu',
    precision: str = 'auto',
    human_head: HumanHeadName = 'chromm',
    body: BodyModel | None = None,
    compiled: bool = False,
    max_people: int = MAX_PEOPLE,
    key_step: int = 1,
) -> Chromm | OpenNetwork:
    """The network of a preset; arguments as for :meth:`Chromm.from_preset`.

    On a CPU this process computes with :func:`threads_of` threads from then on, unless ``OMP_NUM_THREADS`` says
    otherwise.

    Args:
        preset: ``auto``, ``open``, ``tiny`` or ``full``; see :func:`chosen_preset`.
        precision: also ``auto``; see :func:`chosen_precision`.
        max_people: read in an image at most.
        key_step: see :attr:`SceneConfig.key_step`; without effect for ``open``, which has no scene branch.

    Raises:
        ValueError: a combination that cannot run, or weights that do not fit; the message says what to do.
        FileNotFoundError: there is no such file.
    """
    preset, precision = chosen_preset(preset, weights), chosen_precision(precision, device)
    threads = threads_of(preset, len(os.sched_getaffinity(0)))
    if threads is not None and torch.device(device).type == 'cpu' and 'OMP_NUM_THREADS' not in os.environ:
        torch.set_num_threads(threads)
    body = copy.deepcopy(body)  # the network moves its own to the device
    if preset == 'open':
        check_device(torch.device(device), precision)
        found = OpenNetwork.load(Path(weights) if weights else None, device, precision, body)
        found.max_people = max_people
        return found
    network = Chromm.from_preset(preset, weights, device, precision, human_head, body, compiled)
    scene = replace(network.config.scene, key_step=key_step)
    network.config = replace(network.config, max_people=max_people, scene=scene)
    network.scene.config = scene
    return network
