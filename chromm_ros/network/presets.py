"""Sizes of the networks. ``full`` is what the public weights and the paper have, ``tiny`` is what a CPU can train."""

from __future__ import annotations

import importlib.resources
from dataclasses import dataclass, field, replace
from typing import Literal

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import MAX_PEOPLE


def errors_of(preset: str) -> EstimateErrors:
    """How the estimates of a preset err, from ``errors/PRESET.json``, which ``chromm evaluate errors`` writes.

    Those of ``tiny`` are measured. Those of ``full`` are cautious: they say less of every detection and expect less
    of every camera than a good network gives, until somebody measures them with its weights.
    """
    file = importlib.resources.files('chromm_ros.network') / 'errors' / f'{preset}.json'
    return EstimateErrors.from_json(file.read_text())


@dataclass(frozen=True)
class ViTConfig:
    """One vision transformer."""

    width: int
    blocks: int
    heads: int
    patch: int
    """Side of a patch [px]."""
    position_grid: tuple[int, int]
    """Rows and columns of the learned position embedding."""
    channels: int = 3
    class_token: bool = True
    registers: int = 0
    position_resize: str = 'size'
    """How the position embedding is brought to another grid: 'size' (antialiased, to the size: DINOv2 with registers)
    or 'scale' (plain bicubic at a scale of (n + 0.1) / grid: DINOv2 without registers)."""
    stem: str = 'patch'
    """'patch': one convolution of a patch; 'convolution': five of 3x3 or 4x4 (patch 16 only)."""
    layer_scale: float | None = 1.0
    """Initial LayerScale; None: none."""


@dataclass(frozen=True)
class SceneConfig:
    """The scene branch."""

    encoder: ViTConfig
    pixel_limit: int
    """Images are resized to at most this many pixels."""
    depth_encoder: ViTConfig | None
    """Encoder of the depth condition; None: depth cannot be given."""
    ray_condition: bool
    """Known intrinsics can be given."""
    pose_injection: tuple[int, ...]
    """Decoder blocks after which known poses are injected; empty: poses cannot be given."""
    decoder_blocks: int
    """Even blocks attend within a frame, odd ones over all frames."""
    decoder_layer_scale: float
    head_blocks: int
    """Blocks of the point, confidence, camera and metric decoders."""
    point_head: str
    """'convolution' (three upsampling stages) or 'pixel_shuffle' (an MLP per patch)."""
    point_width: int
    """Channels that the point and confidence heads read."""
    camera_width: int
    """Channels of the camera head."""
    metric_width: int
    metric_heads: int
    registers: int = 5
    """Learned tokens that the decoder adds to every view."""
    rounded_angles: bool = False
    """On a GPU rotary angles are rounded to the half precision of attention: the public weights were trained so."""
    key_step: int = 1
    """Of other views, tokens of the decoder see every so many-th patch only: for long windows, not exact. 1: all."""
    human_dim: int = 0
    """Channels of the head tokens that join the decoder (early fusion, CHROMM table 9); 0: none do, as in CHROMM."""

    @property
    def hidden_width(self) -> int:
        """Channels of what the heads read: the outputs of the last two decoder blocks."""
        return 2 * self.encoder.width


DINOV2_LARGE = ViTConfig(width=1024, blocks=24, heads=16, patch=14, position_grid=(37, 37))
"""ViT-L/14 as in Multi-HMR; without registers its position embedding is resized by scale."""

FULL_SCENE = SceneConfig(
    encoder=ViTConfig(width=1024, blocks=24, heads=16, patch=14, position_grid=(37, 37), registers=4),
    pixel_limit=255_000,
    depth_encoder=ViTConfig(
        width=1024, blocks=24, heads=16, patch=14, position_grid=(37, 37), registers=4, channels=2
    ),
    ray_condition=True,
    pose_injection=(1, 9, 17, 25, 33),
    decoder_blocks=36,
    decoder_layer_scale=0.01,
    head_blocks=5,
    point_head='convolution',
    point_width=1024,
    camera_width=512,
    metric_width=512,
    metric_heads=8,
    rounded_angles=True,
)
"""Pi3X."""

TINY_ENCODER = ViTConfig(
    width=128,
    blocks=2,
    heads=4,
    patch=16,
    position_grid=(9, 12),
    class_token=False,
    stem='convolution',
    layer_scale=0.3,
)

TINY_SCENE = SceneConfig(
    encoder=TINY_ENCODER,
    pixel_limit=192 * 144,
    depth_encoder=None,
    ray_condition=True,
    pose_injection=(),
    decoder_blocks=4,
    decoder_layer_scale=0.3,
    head_blocks=1,
    point_head='pixel_shuffle',
    point_width=128,
    camera_width=64,
    metric_width=64,
    metric_heads=2,
)
"""The same architecture at a thousandth of the cost, for images of 192x144."""


@dataclass(frozen=True)
class HumanEncoderConfig:
    """The human encoder and the heads that read its tokens alone."""

    vit: ViTConfig
    image_size: tuple[int, int]
    """(height, width) of the input, whole patches."""
    mask_cells: int
    """A token makes this many by this many mask values."""
    chromm_heads: bool = True
    """Mask and pelvis heads, which no public Multi-HMR checkpoint has."""
    margins: bool = True
    """Encode the black margins of the letterbox, too. False: the half of the work that 16:9 images spend on them is
    saved, and not exact: no public weights were trained so."""
    pixels: Literal['scene', 'image'] = 'scene'
    """What it looks at: the scene encoder's image, enlarged, as Human3R and CHROMM heads here are trained; or the
    camera's own, in whose detail the public Multi-HMR sees."""
    separation: float | None = None
    """Heads that are predicted nearer to each other than this are one [patches]; None: two heads are never in
    neighbouring patches, as in Multi-HMR, whose patches are small."""

    def resized(self, image_size: int | tuple[int, int], chromm_heads: bool = True) -> HumanEncoderConfig:
        """The same encoder for another input: a side, or (height, width)."""
        size = (image_size, image_size) if isinstance(image_size, int) else image_size
        return replace(self, image_size=size, chromm_heads=chromm_heads)


DepthForm = Literal['residual', 'gated', 'direct', 'translation']
"""How a human head says where a person is."""


@dataclass(frozen=True)
class HumanHeadConfig:
    """Sizes and choices of the human head."""

    scene_dim: int
    """Channels of a decoded scene token."""
    human_dim: int
    """Channels of a token of the human encoder."""
    fusion_hidden: int
    dim: int
    """Channels of the fused token H."""
    decoder_hidden: int
    camera_features: bool = False
    """The viewing ray of the head and the focal length are given to the fusion (three more channels)."""
    allocentric: bool = False
    """The root rotation is predicted relative to the viewing ray instead of the optical axis."""
    depth: DepthForm = 'residual'
    """``residual``: d = coarse + delta in metres (eq. 1). ``gated``: the same on log depth, where the delta also
    leads a learned share of the way to the depth that the person's own appearance speaks for: a tiny scene branch
    samples depths that are not worth adding to. The alternatives of the paper's Table 7, which do not look at the
    scene: ``direct``, the depth alone, and ``translation``, the place of the head in the camera frame."""


FULL_HUMAN = HumanEncoderConfig(
    vit=replace(DINOV2_LARGE, position_resize='scale'), image_size=(896, 896), mask_cells=14
)
"""multiHMR_896_L; mask MLP as in Human3R."""

FULL_HUMAN_HEAD = HumanHeadConfig(scene_dim=2048, human_dim=1024, fusion_hidden=4096, dim=1024, decoder_hidden=4096)

TINY_HUMAN = HumanEncoderConfig(
    vit=replace(TINY_ENCODER, blocks=4), image_size=(144, 192), mask_cells=8, separation=0.75
)

TINY_HUMAN_HEAD = HumanHeadConfig(
    scene_dim=256,
    human_dim=128,
    fusion_hidden=384,
    dim=384,
    decoder_hidden=256,
    camera_features=True,
    allocentric=True,
    depth='gated',
)


@dataclass(frozen=True)
class MultiHmrConfig:
    """The body head of the public Multi-HMR checkpoint."""

    token_dim: int = 1024
    dim: int = 1024
    layers: int = 2
    heads: int = 8
    head_dim: int = 32
    patch: int = 14


@dataclass(frozen=True)
class ChrommConfig:
    """Both branches."""

    name: str
    scene: SceneConfig
    human: HumanEncoderConfig
    human_head: HumanHeadConfig | MultiHmrConfig
    level_gauge: bool = False
    """Camera poses are in an absolute frame with z up (a network that is trained in one kind of room)."""
    detection_threshold: float = 0.3
    """Smallest score of a head."""
    max_people: int = MAX_PEOPLE
    """People that are read in an image at most, when it runs; training has places for ten."""
    errors: EstimateErrors = field(default_factory=EstimateErrors)
    """How far its estimates are from the truth."""
    decoder_window: int | None = None
    """Newest image sets of a window that see each other in the decoder; None: all. People are followed over the whole
    window either way."""

    def with_depth_form(self, form: DepthForm | None) -> ChrommConfig:
        """The same with a human head of another form; as it is for None, or where people come from another head."""
        if form is None or not isinstance(self.human_head, HumanHeadConfig):
            return self
        return replace(self, human_head=replace(self.human_head, depth=form))

    def with_early_fusion(self) -> ChrommConfig:
        """The same with people among the tokens of the scene decoder (CHROMM table 9)."""
        return replace(self, scene=replace(self.scene, human_dim=self.human.vit.width))

    @property
    def uses_public_head(self) -> bool:
        """People come from the head of the public Multi-HMR checkpoint."""
        return isinstance(self.human_head, MultiHmrConfig)


FULL = ChrommConfig('full', FULL_SCENE, FULL_HUMAN, FULL_HUMAN_HEAD, errors=errors_of('full'))

FULL_PUBLIC_HEAD = MultiHmrConfig()

FULL_MULTI_HMR = replace(
    FULL, human=replace(FULL_HUMAN, chromm_heads=False, pixels='image'), human_head=FULL_PUBLIC_HEAD
)

TINY = ChrommConfig(
    'tiny',
    TINY_SCENE,
    TINY_HUMAN,
    TINY_HUMAN_HEAD,
    level_gauge=True,
    decoder_window=1,  # more gain nothing: docs/performance.md
    detection_threshold=0.4,
    errors=errors_of('tiny'),
)


def choose(preset: str, human_head: str = 'chromm') -> ChrommConfig:
    """The configuration of a preset with one of the human heads; raises ValueError for what does not exist."""
    presets = {('tiny', 'chromm'): TINY, ('full', 'chromm'): FULL, ('full', 'multi_hmr'): FULL_MULTI_HMR}
    if (preset, human_head) not in presets:
        known = ', '.join(f'{name} with {head}' for name, head in presets)
        raise ValueError(f'preset {preset!r} with human head {human_head!r} does not exist; there are {known}')
    return presets[preset, human_head]
