"""Reading the public checkpoints without running anything that they might contain."""

from __future__ import annotations

import argparse
import hashlib
import pathlib
import pickle
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from chromm_ros.network.files.weight_file import read

HARMLESS: list[Any] = [argparse.Namespace, pathlib.PosixPath]
"""What the pickled options of a Multi-HMR checkpoint may contain besides tensors and plain values."""


@dataclass(frozen=True)
class PublicFile:
    """A checkpoint as it lies on the disk of the user."""

    name: str
    """File name, without its folder: the card of a converted file is not to say where the user keeps things."""
    sha256: str
    tensors: dict[str, torch.Tensor]
    options: dict[str, Any]
    """Training options of a Multi-HMR checkpoint; empty for others."""


def read_tensors(path: Path) -> PublicFile:
    """A safetensors file (Pi3X, or heads that ``chromm train`` wrote).

    Raises:
        FileNotFoundError, ValueError: as :func:`chromm_ros.network.files.weight_file.read`.
    """
    tensors, _ = read(path)
    return PublicFile(path.name, digest(path), tensors, {})


def read_multi_hmr(path: Path) -> PublicFile:
    """A Multi-HMR ``.pt``: its ``model_state_dict`` and ``args``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, wants to run code, or is not a Multi-HMR checkpoint.
    """
    if not path.is_file():
        raise FileNotFoundError(f'there is no Multi-HMR checkpoint {path}')
    try:
        with torch.serialization.safe_globals(HARMLESS):
            content = torch.load(path, map_location='cpu', weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f'{path} holds more than tensors and options; reading the rest would run code of the file, '
            f'which is refused ({_first_sentence(error)})'
        ) from error
    except (RuntimeError, EOFError, OSError) as error:
        why = _first_sentence(error)
        raise ValueError(f'{path} is not a complete PyTorch file ({why}); fetch it again') from error
    if not isinstance(content, dict) or not isinstance(content.get('model_state_dict'), dict):
        found = ', '.join(map(str, content)) if isinstance(content, dict) else type(content).__name__
        raise ValueError(f'{path} is not a Multi-HMR checkpoint: it has no model_state_dict (it holds {found[:200]})')
    options = content.get('args', {})
    options = vars(options) if isinstance(options, argparse.Namespace) else dict(options or {})
    return PublicFile(path.name, digest(path), dict(content['model_state_dict']), options)


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    total = hashlib.sha256()
    size = path.stat().st_size
    # disable=None: no bar where nobody watches a terminal
    bar = tqdm(total=size, unit='B', unit_scale=True, desc=f'checksum of {path.name}', disable=None, leave=False)
    with path.open('rb') as file, bar:
        while block := file.read(1 << 20):
            total.update(block)
            bar.update(len(block))
    return total.hexdigest()


def _first_sentence(error: BaseException) -> str:
    """PyTorch adds advice for developers, which hides what the user should do."""
    return re.split(r'\.\s|\n', str(error).strip(), maxsplit=1)[0] or type(error).__name__
