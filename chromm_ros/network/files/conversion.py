"""Public checkpoints into the one weight file of this package, every tensor accounted for."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from chromm_ros.network.files import weight_file
from chromm_ros.network.files.public_files import PublicFile, read_multi_hmr, read_tensors
from chromm_ros.network.human.encoder import HumanEncoder
from chromm_ros.network.human.head import HumanHead
from chromm_ros.network.human.multi_hmr_head import MultiHmrHead
from chromm_ros.network.layers.state_dicts import load_checked
from chromm_ros.network.presets import FULL, FULL_PUBLIC_HEAD, ChrommConfig, HumanHeadConfig, MultiHmrConfig
from chromm_ros.network.scene.network import SceneNetwork

BACKBONE = 'dinov2_vitl14'


@dataclass(frozen=True)
class Source:
    """Where a part comes from."""

    part: str
    name: str
    licence: str
    where: str


PI3X = Source(
    'scene',
    'Pi3X',
    'weights: CC BY-NC 4.0 (non-commercial)',
    'https://github.com/yyfz/Pi3 links to it (model.safetensors of Pi3X)',
)
MULTI_HMR = Source(
    'human_encoder, multi_hmr_head',
    'Multi-HMR multiHMR_896_L',
    'NAVER Multi-HMR licence (non-commercial, not sublicensable, derivatives under the same terms)',
    'https://download.europe.naverlabs.com/ComputerVision/MultiHMR/multiHMR_896_L.pt',
)
HEADS = Source(
    'human_head, human_encoder.mask, human_encoder.pelvis',
    'CHROMM heads',
    'as the person who trained them says',
    'trained by `chromm train heads`',
)


def convert(
    pi3x: Path,
    multi_hmr: Path,
    output: Path,
    heads: Path | None = None,
    config: ChrommConfig = FULL,
    public_head: MultiHmrConfig = FULL_PUBLIC_HEAD,
) -> dict[str, str]:
    """Write one safetensors file from the parts, in fp32; returns its card.

    Args:
        pi3x: public Pi3X safetensors.
        multi_hmr: public Multi-HMR ``.pt``.
        output: the file to write.
        heads: CHROMM heads from ``chromm train``; None: only ``human_head: multi_hmr`` can run from the file.
        config: sizes of the network.
        public_head: sizes of the body head in the Multi-HMR checkpoint.

    Raises:
        FileNotFoundError, ValueError: a part is absent, damaged or foreign; what is wrong is named.
    """
    human = read_multi_hmr(multi_hmr)
    config = replace(config, human=config.human.resized(image_size(human), chromm_heads=False))
    scene = read_tensors(pi3x)
    with torch.device('meta'):
        encoder = HumanEncoder(config.human)
        modules = (
            ('scene', SceneNetwork(config.scene), scene),
            ('human_encoder', encoder, human),
            ('multi_hmr_head', MultiHmrHead(public_head, encoder.grid), human),
        )
    tensors: dict[str, torch.Tensor] = {}
    for part, module, file in modules:
        try:
            module.load_public(file.tensors)
        except ValueError as error:
            raise ValueError(f'{file.name}: {error}') from error
        tensors |= {f'{part}.{key}': tensor for key, tensor in module.state_dict().items()}
    parts = [(scene, PI3X), (human, MULTI_HMR)]
    if heads is not None:
        trained = read_tensors(heads)
        tensors |= heads_of(trained, config)
        parts.append((trained, HEADS))
    card = {
        'preset': config.name,
        'human_image_size': json.dumps(config.human.image_size),
        'trained': 'true',
        'parts': json.dumps([provenance(file, source) for file, source in parts]),
    }
    weight_file.write(output, tensors, card)
    return {'format': weight_file.FORMAT, **card}


def heads_of(file: PublicFile, config: ChrommConfig) -> dict[str, torch.Tensor]:
    """The CHROMM heads in ``file``, checked against ``config``, under their keys of the whole network.

    Raises:
        ValueError: they are not complete, or of other sizes.
    """
    if not isinstance(config.human_head, HumanHeadConfig):
        raise ValueError(f'preset {config.name!r} with the Multi-HMR head takes no CHROMM heads')
    with torch.device('meta'):
        head, encoder = HumanHead(config.human_head), HumanEncoder(replace(config.human, chromm_heads=True))
    parts = {'human_head.': head, 'human_encoder.mask.': encoder.mask, 'human_encoder.pelvis.': encoder.pelvis}
    tensors: dict[str, torch.Tensor] = {}
    for prefix, module in parts.items():
        own = {key.removeprefix(prefix): value for key, value in file.tensors.items() if key.startswith(prefix)}
        try:
            load_checked(module, {key: value.float() for key, value in own.items()}, 'CHROMM')
        except ValueError as error:
            raise ValueError(f'{file.name}: {prefix}: {error}') from error
        tensors |= {prefix + key: value for key, value in module.state_dict().items()}
    return tensors


def image_size(file: PublicFile) -> int:
    """Side of the images that a Multi-HMR checkpoint was trained on [px].

    Raises:
        ValueError: its backbone is not the one that this package has.
    """
    backbone = file.options.get('backbone', BACKBONE)
    if backbone != BACKBONE:
        raise ValueError(f'{file.name} has the backbone {backbone}; this package runs {BACKBONE} (multiHMR_896_L)')
    size = file.options.get('img_size', 896)
    return int(size[0] if isinstance(size, (list, tuple)) else size)


def provenance(file: PublicFile, source: Source) -> dict[str, str]:
    """What the card says of one part."""
    return {
        'part': source.part,
        'name': source.name,
        'file': file.name,
        'sha256': file.sha256,
        'licence': source.licence,
        'source': source.where,
    }
