"""The one weight file of this package: safetensors with a card that says what is in it and where it came from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, cast, get_args

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from chromm_ros.network.human.head import DEPTH_DECODERS
from chromm_ros.network.layers.state_dicts import compare, shapes
from chromm_ros.network.presets import ChrommConfig, DepthForm

FORMAT = 'chromm_ros weights 1'

OPTIONAL_PARTS = {
    'human_head.': 'the CHROMM human head',
    'human_encoder.mask.': 'the mask head',
    'human_encoder.pelvis.': 'the pelvis head',
    'multi_hmr_head.': 'the Multi-HMR body head',
}
"""Parts that a file may hold although a network does not use them, and the other way round."""


def packaged(preset: str) -> Path | None:
    """The weights of ``preset`` that come with the package; None: there are none."""
    path = Path(str(files('chromm_ros.network'))) / 'weights' / f'{preset}.safetensors'
    return path if path.is_file() else None


def read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Tensors and card of a safetensors file. Nothing in such a file can be executed.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a complete safetensors file.
    """
    with _opened(path) as file:
        return {key: file.get_tensor(key) for key in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise FileNotFoundError(f'there is no weight file {path}')
    try:
        with safe_open(path, framework='pt') as file:
            yield file
    except SafetensorError as error:
        raise ValueError(
            f'{path} is not a complete safetensors file ({error}); fetch or write it again. '
            'PyTorch files (.pt) go through `chromm weights convert`'
        ) from error


def card(path: Path) -> dict[str, str]:
    """The card of one of our files, without reading its tensors.

    Raises:
        FileNotFoundError, ValueError: as :func:`read`, or the file is not one of ours.
    """
    with _opened(path) as file:
        metadata = dict(file.metadata() or {})
    if metadata.get('format') != FORMAT:
        raise ValueError(
            f'{path} was not written by this package (its format is {metadata.get("format")!r}); '
            'public checkpoints become one file by `chromm weights convert`'
        )
    return metadata


def write(path: Path, tensors: Mapping[str, torch.Tensor], card: Mapping[str, str]) -> None:
    """Write tensors and card. The file appears under its name only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + '.part')
    contiguous = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    save_file(contiguous, part, metadata={'format': FORMAT, **card})
    part.replace(path)


def save(
    path: Path,
    config: ChrommConfig,
    tensors: Mapping[str, torch.Tensor],
    trained: bool,
    description: Mapping[str, str],
) -> None:
    """All ``tensors`` of a network of ``config`` in half precision, with a card.

    The running variances of batch norms and other values that half precision cannot hold stay fp32.
    """
    card = {
        'preset': config.name,
        'human_image_size': json.dumps(config.human.image_size),
        'human_pixels': config.human.pixels,
        'trained': json.dumps(trained),
        **description,
    }
    write(path, {key: halved(tensor) for key, tensor in tensors.items()}, card)


def halved(tensor: torch.Tensor) -> torch.Tensor:
    """``tensor`` in fp16 unless that loses values: integers, overflow, or numbers too small for it."""
    if not tensor.is_floating_point():
        return tensor
    half = tensor.half()
    lost = (half.float() - tensor).abs() > 1e-3 * tensor.abs() + 1e-6
    return tensor if bool(lost.any()) or not bool(half.isfinite().all()) else half


def fitting(
    path: Path, config: ChrommConfig, expected: Mapping[str, torch.Tensor]
) -> tuple[dict[str, torch.Tensor], bool]:
    """What one of our files holds for the tensors ``expected`` of a network of ``config``, in fp32; is it trained?

    Raises:
        FileNotFoundError, ValueError: the file is absent, damaged, foreign, of another preset, or its tensors do not
            fit; they are named.
    """
    about = card(path)
    if about.get('preset') != config.name:
        raise ValueError(f'{path} holds weights of preset {about.get("preset")!r}, not {config.name!r}')
    tensors, _ = read(path)
    unused = tuple(prefix for prefix in OPTIONAL_PARTS if not any(key.startswith(prefix) for key in expected))
    tensors = {key: tensor for key, tensor in tensors.items() if not key.startswith(unused)}
    mismatch = compare(shapes(tensors), shapes(expected))
    absent = [name for prefix, name in OPTIONAL_PARTS.items() if _all_missing(prefix, expected, tensors)]
    if absent:
        raise ValueError(
            f'{path} does not hold {", ".join(absent)}: train it (`chromm train`) and give it to `chromm weights '
            "convert`, or use human_head 'multi_hmr', which needs public weights only"
        )
    if mismatch:
        raise ValueError(f'{path} does not fit preset {config.name!r}:\n{mismatch.describe()}')
    floats = {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in tensors.items()}
    return floats, about.get('trained') == 'true'


def configured(config: ChrommConfig, path: Path) -> ChrommConfig:
    """``config`` as the weights in ``path`` were trained: image size, whose pixels, form of the head, early or late
    fusion."""
    about = card(path)
    height, width = json.loads(about.get('human_image_size', json.dumps(config.human.image_size)))
    pixels = cast(Literal['scene', 'image'], about.get('human_pixels', config.human.pixels))
    config = replace(config, human=replace(config.human, image_size=(height, width), pixels=pixels))
    with _opened(path) as file:
        keys = list(file.keys())
    if any(key.startswith('scene.human_tokens.') for key in keys):
        config = config.with_early_fusion()
    names = [key.removeprefix('human_head.') for key in keys if key.startswith('human_head.')]
    return config.with_depth_form(depth_form(names))


def depth_form(names: Iterable[str]) -> DepthForm | None:
    """How a human head with parameters of these names says where people are; None: it is no such head."""
    decoders = {name.split('.')[0] for name in names}
    forms: tuple[DepthForm, ...] = get_args(DepthForm)
    fitting = [form for form in forms if decoders >= set(DEPTH_DECODERS[form])]
    return max(fitting, key=lambda form: len(DEPTH_DECODERS[form]), default=None)


def _all_missing(prefix: str, expected: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor]) -> bool:
    keys = [key for key in expected if key.startswith(prefix)]
    return bool(keys) and not any(key in found for key in keys)
