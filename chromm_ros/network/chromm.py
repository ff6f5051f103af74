"""CHROMM: both branches as one network. The only place that knows both.

encode (image by image) -> decode (all views together) -> people (all detections together)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from chromm_ros.body.model import BodyModel
from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import MAX_PEOPLE, FrameFeatures
from chromm_ros.network.files import weight_file
from chromm_ros.network.human.decoders import (
    DetectedHeads,
    decode_chromm,
    decode_multi_hmr,
    detect,
    estimates,
    fused_tokens,
    image_sizes,
)
from chromm_ros.network.human.detection import take
from chromm_ros.network.human.encoder import HumanEncoder
from chromm_ros.network.human.head import HumanHead
from chromm_ros.network.human.letterbox import Letterbox
from chromm_ros.network.human.multi_hmr_head import MultiHmrHead
from chromm_ros.network.human.silhouettes import silhouettes
from chromm_ros.network.layers.precision import check_device, dtype_of
from chromm_ros.network.layers.preprocessing import check_images
from chromm_ros.network.outputs import PeopleEstimates, SceneGeometry
from chromm_ros.network.pixels import Pixels, completed, encoder_inputs, prepare, scene_size_of
from chromm_ros.network.presets import ChrommConfig, DepthForm, HumanHeadConfig, MultiHmrConfig, choose
from chromm_ros.network.scene.calibration import Calibration, conditions, on_known_rays
from chromm_ros.network.scene.compiled import compiled
from chromm_ros.network.scene.conditions import Conditions
from chromm_ros.network.scene.human_tokens import HumanTokens
from chromm_ros.network.scene.network import SceneNetwork

HumanHeadName = Literal['chromm', 'multi_hmr']
Memory = Sequence[torch.Tensor] | None


class Chromm(nn.Module):
    """The network of the capture: images in, metric scene, cameras and people out.

    Children: ``scene``, ``human_encoder``, and ``human_head`` or ``multi_hmr_head``; ``body`` holds no weights.
    """

    def __init__(self, config: ChrommConfig, body: BodyModel | None = None) -> None:
        super().__init__()
        self.config = config
        self.trained = False
        self.scene = SceneNetwork(config.scene)
        self.human_encoder = HumanEncoder(config.human)
        if isinstance(config.human_head, MultiHmrConfig):
            self.multi_hmr_head = MultiHmrHead(config.human_head, self.human_encoder.grid)
        else:
            self.human_head = HumanHead(config.human_head)
        self.body = body or BodyModel.load()

    @classmethod
    def from_preset(
        cls,
        preset: str = 'tiny',
        weights: str | Path | None = None,
        device: str | torch.device = 'cpu',
        precision: str = 'fp32',
        human_head: HumanHeadName = 'chromm',
        body: BodyModel | None = None,
        compiled: bool = False,
    ) -> Chromm:
        """A network that is ready to run.

        Args:
            preset: ``tiny`` or ``full``.
            weights: a file of ``chromm weights convert`` or ``chromm train``; None: for ``tiny`` the file of this
                package, or random numbers (``trained`` is False) where it has none.
            device: ``cpu``, ``cuda``, ``cuda:1``.
            precision: ``fp32``, ``bf16`` or ``fp16`` (GPU only).
            human_head: ``chromm``, or ``multi_hmr`` for the head of the public Multi-HMR checkpoint (``full`` only).
            body: the SMPL-X body; None: the free one.
            compiled: see :meth:`compile_stages`.

        Raises:
            ValueError: a combination that cannot run, or weights that do not fit; the message says what to do.
            FileNotFoundError: there is no such file.
        """
        config = choose(preset, human_head)
        device = torch.device(device)
        check_device(device, precision)
        weights = weight_file.packaged(preset) if weights is None else Path(weights)
        if weights is None and preset != 'tiny':
            raise ValueError(
                f'the {preset} preset needs weights: `chromm weights list` says where they come from and '
                '`chromm weights convert` makes one file of them'
            )
        body = body or BodyModel.load()
        if weights is None:
            network = cls(config, body)
        else:
            config = weight_file.configured(config, weights)
            with torch.device('meta'):
                network = cls(config, body)
            network.load(weights)
        network.set_precision(precision).to(device).eval()
        if compiled:
            network.compile_stages()
        return network

    @property
    def conditions_on_intrinsics(self) -> bool:
        """Known intrinsics make the scene better."""
        return self.config.scene.ray_condition

    @property
    def conditions_on_poses(self) -> bool:
        """Known camera poses make the scene better."""
        return bool(self.config.scene.pose_injection)

    @property
    def conditions_on_depths(self) -> bool:
        """Measured depth makes the scene better."""
        return self.config.scene.depth_encoder is not None

    @property
    def level_gauge(self) -> bool:
        """Camera poses come in an absolute frame whose z axis points up."""
        return self.config.level_gauge

    @property
    def places_cameras(self) -> bool:
        """It estimates where cameras are from their images."""
        return True

    @property
    def decoder_window(self) -> int | None:
        """Newest image sets of a window that gain from each other; None: all."""
        return self.config.decoder_window

    @property
    def errors(self) -> EstimateErrors:
        """How far its estimates are from the truth."""
        return self.config.errors

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.scene.register_token.device

    def set_precision(self, precision: str) -> Chromm:
        """Run the transformers in 'fp32', 'bf16' or 'fp16'; heads and geometry stay fp32."""
        self.scene.set_precision(precision)
        self.human_encoder.set_precision(precision)
        return self

    def renew_human_head(self, form: DepthForm) -> Chromm:
        """Begin the human head anew, with another way to place people (CHROMM table 7); all else stays."""
        self.config = self.config.with_depth_form(form)
        if isinstance(self.config.human_head, HumanHeadConfig):
            self.human_head = HumanHead(self.config.human_head).to(self.device)
        return self

    def join_people_early(self) -> Chromm:
        """Let people join the tokens of the scene decoder (early fusion, CHROMM table 9); all else stays."""
        self.config = self.config.with_early_fusion()
        self.scene.config = self.config.scene
        self.scene.human_tokens = HumanTokens(self.config.scene.human_dim, self.config.scene.encoder.width)
        self.scene.human_tokens.to(self.device)
        return self

    def compile_stages(self, backend: str = 'inductor') -> Chromm:
        """Compile the stages, on a GPU into CUDA graphs: slow at first, then without thousands of launches."""
        # The decoder as a whole: between two graphs of one pass the memory of the first would be taken by the second.
        for path in ('scene.encoder.forward', 'human_encoder.backbone.forward', 'scene.decode', 'scene.decode_next'):
            module, _, name = path.rpartition('.')
            owner, axis = self.get_submodule(module), int('decode' in name)
            setattr(owner, name, compiled(getattr(owner, name), self.device, backend, axis))
        return self

    def save(self, path: str | Path, card: dict[str, str] | None = None) -> None:
        """Write all weights in half precision to one safetensors file, with ``card`` as its description."""
        weight_file.save(Path(path), self.config, self.state_dict(), self.trained, card or {})

    def load(self, path: str | Path) -> None:
        """Take all weights from one of our files, also on the meta device; errors of :func:`weight_file.fitting`."""
        tensors, self.trained = weight_file.fitting(Path(path), self.config, self.state_dict())
        self.load_state_dict(tensors, assign=True)

    @torch.inference_mode()
    def prepare(self, images: Sequence[np.ndarray]) -> list[Pixels]:
        """Images (H, W, 3) uint8 RGB as :meth:`encode` takes them, on the device."""
        return prepare(images, self.config, self.device)

    @torch.inference_mode()
    def encode(
        self,
        images: Sequence[np.ndarray],
        scene_size: tuple[int, int] | None = None,
        before: Sequence[FrameFeatures | None] | None = None,
        prepared: Sequence[Pixels | None] | None = None,
    ) -> FrameFeatures:
        """Features of N images, each by itself: rows may be cached and joined with later ones.

        Args:
            images: (H, W, 3) uint8 RGB each; sizes may differ.
            scene_size: (height, width) as in features that these will be joined with; None: as the first image asks.
            before: of no meaning here: each image is encoded by itself.
            prepared: of the images, from :meth:`prepare`, where it is there already.

        Raises:
            ValueError: there is no image, or one is not (H, W, 3) uint8.
        """
        check_images(images)
        size = scene_size or scene_size_of(images[0], self.config)
        letterbox = Letterbox(size, self.config.human.image_size)
        scene, human = encoder_inputs(completed(prepared, images, self.config, self.device, size), letterbox)
        # Whichever CUDA graph runs next takes the memory of what a graph returned; cached rows must outlive it.
        kept: Any = {'dtype': dtype_of(self.scene.precision), 'copy': True}
        tokens = self.human_encoder.encode(human, letterbox).to(**kept)
        scene_tokens = self.scene.encode(scene).to(**kept)
        if self._early_people:
            heads = self.human_encoder.heads(tokens.float(), self.config.detection_threshold)
            people = self.scene.human_tokens(take(tokens.float(), heads.index), heads.valid)
            scene_tokens = torch.cat([people.to(scene_tokens), scene_tokens], 1)
        sizes = tuple((image.shape[0], image.shape[1]) for image in images)
        return FrameFeatures(scene_tokens, tuple(tokens), sizes, size)

    @torch.inference_mode()
    def decode(
        self,
        features: FrameFeatures,
        calibration: Calibration | None = None,
        heads_on: Sequence[int] | None = None,
        with_confidence: bool = False,
        memory: Memory = None,
    ) -> SceneGeometry:
        """Let all rows see each other; geometry of the rows ``heads_on`` (F of them, None: all).

        Args:
            features: N rows of one window. Tokens of the human encoder are needed of the rows ``heads_on`` only.
            calibration: what is known of the N cameras; knowledge that this network was not made for is left aside.
            heads_on: rows whose geometry is wanted.
            with_confidence: also run the confidence branch, which costs as much as the point branch.
            memory: what other, earlier rows left behind, in a streaming window; None: the window is exact.
        """
        rows = list(range(len(features)) if heads_on is None else heads_on)
        calibration = calibration or Calibration()
        size = features.scene_size
        grid = self.scene.encoder.grid(*size)
        takes = {'intrinsics': self.conditions_on_intrinsics, 'poses': self.conditions_on_poses}
        takes['depths'] = self.conditions_on_depths
        known = conditions(calibration, features.image_sizes, size, self.device, **takes)
        hidden, left = self._hidden(features.scene[None].float(), grid, known, memory)
        out = self.scene.heads(hidden, grid, rows=rows, with_confidence=with_confidence)
        chosen = features.take(rows)
        scale = image_sizes(chosen) / torch.tensor(size[::-1], device=self.device)
        local_points, intrinsics = on_known_rays(out.local_points[0], scale, calibration, rows, len(features))
        geometry = SceneGeometry(
            local_points=local_points,
            confidence=None if out.confidence is None else torch.sigmoid(out.confidence[0, ..., 0]),
            world_from_camera=out.world_from_camera[0],
            intrinsics=intrinsics,
            human_mask=torch.zeros(local_points.shape[:3], dtype=torch.bool, device=self.device),
            metric_scale=out.metric_scale[0],
            tokens=out.tokens[0],
            scene_size=size,
            memory=None if left is None else left[rows],
        )
        return replace(geometry, human_mask=self._human_mask(chosen, geometry))

    @torch.inference_mode()
    def people(self, features: FrameFeatures, geometry: SceneGeometry) -> PeopleEstimates[torch.Tensor]:
        """Everybody in F images, so many at most in each, in one batch and without waiting for the device.

        Args:
            features: the rows that ``geometry`` is of.
            geometry: from :meth:`decode`.
        """
        if len(features) != len(geometry.tokens):
            raise ValueError(f'{len(features)} rows of features for geometry of {len(geometry.tokens)} rows')
        found = self._found(features, geometry)
        if self.config.uses_public_head:
            part = self.human_encoder.part(found.letterbox)
            bodies = decode_multi_hmr(self.multi_hmr_head, self.body, found, features.human_tokens, part)
        else:
            bodies = decode_chromm(self.human_encoder, self.human_head, found, features.human_tokens)
        return estimates(found, bodies, self.body)

    @torch.inference_mode()
    def coarse_pelvises(self, features: FrameFeatures, geometry: SceneGeometry) -> torch.Tensor:
        """(F, M, 2) pelvises of :meth:`people` before their refinement (CHROMM fig. 3), pixels of the images."""
        found = self._found(features, geometry)
        coarse = self.human_encoder.pelvis.coarse_px(found.token, found.canvas_px)
        return found.letterbox.to_image(coarse) * found.scale[:, None]

    @torch.inference_mode()
    def fused_tokens(self, features: FrameFeatures, geometry: SceneGeometry) -> torch.Tensor:
        """(F, M, dim) tokens H of :meth:`people` (CHROMM 3.1).

        Raises:
            ValueError: people come from another head than CHROMM's, which has no such tokens.
        """
        if not isinstance(self.config.human_head, HumanHeadConfig):
            raise ValueError("only CHROMM's own human head has tokens that can be pooled; use human_head chromm")
        return fused_tokens(self.human_head, self._found(features, geometry))

    @torch.inference_mode()
    def canonical_bodies(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pose (N, 52, 3, 3) and betas (N, 10) of tokens H (N, dim), as pooled over views (CHROMM table 5)."""
        return self.human_head.canonical(tokens.to(self.device))

    def _hidden(
        self, tokens: torch.Tensor, grid: tuple[int, int], known: Conditions | None, memory: Memory
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(1, N, T, 2C) what the scene heads read, and (N, ...) what the rows leave behind."""
        count = self._early_people
        people, patches = tokens[:, :, :count] if count else None, tokens[:, :, count:]
        if memory is None:
            return self.scene.decode(patches, grid, known, people), None
        earlier = torch.stack(list(memory))[None] if memory else None
        hidden, left = self.scene.decode_next(patches, grid, known, people, earlier)
        return hidden, left[0].clone()  # of a CUDA graph, see encode

    @property
    def _early_people(self) -> int:
        """Tokens of people that go before those of each image into the scene decoder; 0: they join after it, as in
        CHROMM."""
        return MAX_PEOPLE if self.config.scene.human_dim else 0

    def _found(self, features: FrameFeatures, geometry: SceneGeometry) -> DetectedHeads:
        patch, config = self.config.scene.encoder.patch, self.config
        return detect(self.human_encoder, features, geometry, patch, config.detection_threshold, config.max_people)

    def _human_mask(self, features: FrameFeatures, geometry: SceneGeometry) -> torch.Tensor:
        """(F, h, w) bool. The public checkpoint has no mask head: there the decoded bodies are drawn."""
        if self.config.human.chromm_heads:
            letterbox = Letterbox(features.scene_size, self.config.human.image_size)
            logits = letterbox.crop(self.human_encoder.mask_logits(features.human_tokens))
            size = features.scene_size
            return functional.interpolate(logits[:, None], size=size, mode='bilinear', align_corners=False)[:, 0] > 0
        return silhouettes(self.people(features, geometry), image_sizes(features), features.scene_size)
