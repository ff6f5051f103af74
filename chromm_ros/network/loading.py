"""The network that a preset names, ready to run."""

from __future__ import annotations

import copy
from pathlib import Path

import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.network.chromm import Chromm, HumanHeadName, check_device
from chromm_ros.network.files import weight_file
from chromm_ros.network.layers.precision import chosen_precision
from chromm_ros.network.open.network import OpenNetwork

PRESETS = ('auto', 'open', 'tiny', 'full')
AUTO = 'auto'


def chosen_preset(preset: str, weights: str | Path | None = None) -> str:
    """What ``auto`` means: the preset of the weight file where one is given, else ``open``.

    Raises:
        FileNotFoundError, ValueError: there is no such file, or it is not one of ours.
    """
    if preset != AUTO:
        return preset
    return weight_file.card(Path(weights)).get('preset', 'full') if weights else 'open'


def load_network(
    preset: str = AUTO,
    weights: str | Path | None = None,
    device: str | torch.device = 'cpu',
    precision: str = 'auto',
    human_head: HumanHeadName = 'chromm',
    body: BodyModel | None = None,
    compiled: bool = False,
) -> Chromm | OpenNetwork:
    """The network of a preset; arguments as for :meth:`Chromm.from_preset`.

    Args:
        preset: ``auto``, ``open``, ``tiny`` or ``full``; see :func:`chosen_preset`.
        precision: also ``auto``; see :func:`chosen_precision`.

    Raises:
        ValueError: a combination that cannot run, or weights that do not fit; the message says what to do.
        FileNotFoundError: there is no such file.
    """
    preset, precision = chosen_preset(preset, weights), chosen_precision(precision, device)
    body = copy.deepcopy(body)  # the network moves its own to the device
    if preset == 'open':
        check_device(torch.device(device), precision)
        return OpenNetwork.load(Path(weights) if weights else None, device, precision, body)
    return Chromm.from_preset(preset, weights, device, precision, human_head, body, compiled)
