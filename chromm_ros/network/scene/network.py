"""The scene branch: images of several views in, one metric scene and its cameras out (Pi3X's architecture).

encode -> decode -> heads. The encoder sees one image at a time, so its tokens may be cached; the decoder sees all
images; heads work frame by frame and run for the frames that are asked for. No part knows the index of a frame:
permuting the views permutes the outputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import nn

from chromm_ros.network.layers.attention import Block
from chromm_ros.network.layers.convolution_head import ConvolutionHead
from chromm_ros.network.layers.pixel_shuffle_head import PixelShuffleHead
from chromm_ros.network.layers.precision import angle_dtype, autocast, dtype_of, full_precision, store_weights
from chromm_ros.network.layers.preprocessing import check_batch
from chromm_ros.network.layers.rotary import Rotary2D, patch_positions
from chromm_ros.network.layers.state_dicts import load_checked
from chromm_ros.network.layers.vit import PatchStem, ViT
from chromm_ros.network.presets import FULL_SCENE, TINY_SCENE, SceneConfig
from chromm_ros.network.scene.conditions import Conditions, prepare
from chromm_ros.network.scene.global_attention import EveryNth, GlobalAttention, Recall, everybody
from chromm_ros.network.scene.heads import CameraHead, HeadTransformer, MetricDecoder, ScaleHead
from chromm_ros.network.scene.human_tokens import HumanTokens
from chromm_ros.network.scene.output import SceneOutput, scaled_poses
from chromm_ros.network.scene.pose_injection import PoseInjection

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet."""

CONSTANTS = ('image_mean', 'image_std')
"""Buffers that some copies of the public weights lack."""

LARGEST_LOG_DEPTH = 15.0


class SceneNetwork(nn.Module):
    """The scene branch. Parameters carry the names of the public Pi3X weights."""

    image_mean: torch.Tensor
    image_std: torch.Tensor

    def __init__(self, config: SceneConfig) -> None:
        super().__init__()
        self.config = config
        self.precision = 'fp32'
        width, heads, patch = config.encoder.width, config.encoder.heads, config.encoder.patch
        self.encoder = ViT(config.encoder)
        self.register_token = nn.Parameter(0.02 * torch.randn(1, 1, config.registers, width))
        self.decoder = nn.ModuleList(
            Block(width, heads, qk_norm=True, layer_scale=config.decoder_layer_scale)
            for _ in range(config.decoder_blocks)
        )
        if config.ray_condition:
            self.ray_embed = PatchStem(2, width, patch)
        if config.depth_encoder is not None:
            self.depth_encoder = ViT(config.depth_encoder)
            self.depth_emb = nn.Parameter(0.02 * torch.randn(1, 1, width))
        if config.human_dim:
            self.human_tokens = HumanTokens(config.human_dim, width)
        if config.pose_injection:
            self.pose_inject_blk = nn.ModuleList(PoseInjection(width, heads) for _ in config.pose_injection)
        self._build_heads(config)
        self.register_buffer('image_mean', torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer('image_std', torch.tensor(STD).view(1, 3, 1, 1))

    def _build_heads(self, config: SceneConfig) -> None:
        hidden, blocks = config.hidden_width, config.head_blocks
        width, heads = config.encoder.width, config.encoder.heads
        self.point_decoder = HeadTransformer(hidden, width, heads, blocks, config.point_width)
        self.point_head = self._map_head((2, 1))
        self.conf_decoder = HeadTransformer(hidden, width, heads, blocks, config.point_width)
        self.conf_head = self._map_head((1,))
        self.camera_decoder = HeadTransformer(hidden, width, heads, blocks, config.camera_width)
        self.camera_head = CameraHead(config.camera_width)
        self.metric_token = nn.Parameter(0.02 * torch.randn(1, 1, hidden))
        self.metric_decoder = MetricDecoder(
            hidden, config.metric_width, config.metric_heads, blocks, config.metric_width
        )
        self.metric_head = ScaleHead(config.metric_width)

    def _map_head(self, outputs: tuple[int, ...]) -> nn.Module:
        width, patch = self.config.point_width, self.config.encoder.patch
        if self.config.point_head == 'convolution':
            return ConvolutionHead(width, outputs, patch)
        return PixelShuffleHead(width, outputs, patch, cells=patch // 2)

    @classmethod
    def full(cls, device: torch.device | str | None = None) -> SceneNetwork:
        """The size of the public Pi3X weights, untrained; ``device='meta'`` allocates nothing until weights come."""
        with torch.device(device or torch.get_default_device()):
            return cls(FULL_SCENE)

    @classmethod
    def tiny(cls, device: torch.device | str | None = None) -> SceneNetwork:
        """The size that a CPU can train and run, untrained."""
        with torch.device(device or torch.get_default_device()):
            return cls(TINY_SCENE)

    def load_public(self, state: Mapping[str, torch.Tensor]) -> None:
        """Load the public Pi3X weights.

        Raises:
            ValueError: keys are missing, unexpected or mis-shaped; the message names them.
        """
        state = dict(state)
        for name, value in zip(CONSTANTS, (MEAN, STD)):
            state.setdefault(name, torch.tensor(value, device='cpu').view(1, 3, 1, 1))
        load_checked(self, state, 'Pi3X')
        self.set_precision(self.precision)

    def set_precision(self, precision: str) -> SceneNetwork:
        """Compute and keep weights in 'fp32', 'bf16' or 'fp16'; geometry stays fp32. Does not bring lost digits back.

        Raises:
            ValueError: an unknown name.
        """
        dtype_of(precision)
        self.precision = precision
        store_weights(self, precision)
        return self

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) in [0, 1], sides multiples of the patch -> (N, P, C) tokens, each image on its own."""
        with autocast(images.device, self.precision):
            return self.encoder((images - self.image_mean) / self.image_std)

    def decode(
        self,
        tokens: torch.Tensor,
        grid: tuple[int, int],
        conditions: Conditions | None = None,
        people: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Let all views of a sample see each other.

        Args:
            tokens: (B, N, P, C) from :meth:`encode`.
            grid: rows and columns of patches, P of them.
            conditions: what is known of the cameras, from :func:`chromm_ros.network.scene.conditions.prepare`.
            people: (B, N, M, C) tokens of people that join those of the images (early fusion); None: late fusion.

        Returns:
            (B, N, T, 2C) what the heads read, T = registers + P.
        """
        step = self.config.key_step
        attention = everybody if step == 1 else EveryNth(step)
        return self._decoded(tokens, grid, conditions, people, attention)

    def decode_next(
        self,
        tokens: torch.Tensor,
        grid: tuple[int, int],
        conditions: Conditions | None = None,
        people: torch.Tensor | None = None,
        memory: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """:meth:`decode` of views that come after others, which are not computed again.

        Args:
            tokens, grid, conditions, people: of the new views.
            memory: (B, M, ...) what M earlier views left behind; None: there are none.

        Returns:
            What the heads read, and (B, N, L, 2, heads, T, D) what the new views leave behind: their keys and values
            in the L global blocks.
        """
        attention = Recall(memory)
        hidden = self._decoded(tokens, grid, conditions, people, attention)
        return hidden, torch.stack(attention.left, 2)

    def _decoded(
        self,
        tokens: torch.Tensor,
        grid: tuple[int, int],
        conditions: Conditions | None,
        people: torch.Tensor | None,
        attention: GlobalAttention,
    ) -> torch.Tensor:
        batch, views = tokens.shape[:2]
        with autocast(tokens.device, self.precision):
            if conditions is not None:
                self._check_conditions(conditions)
                tokens = self._with_conditions(tokens, conditions)
            registers = self.register_token.expand(batch, views, -1, -1)
            x = torch.cat([registers, *([] if people is None else [people]), tokens], 2)
            placeless = x.shape[2] - tokens.shape[2]
            frame = self._rotary(grid, tokens.device, placeless)
            outputs = []
            for index, module in enumerate(self.decoder):
                block = cast(Block, module)
                if index % 2 == 0:
                    x = block(x.flatten(0, 1), frame).view_as(x)
                else:
                    x = attention(block, x, frame, placeless)
                if conditions is not None and index in self.config.pose_injection:
                    x = self._with_poses(x, self.config.pose_injection.index(index), grid, conditions, placeless)
                if index >= len(self.decoder) - 2:
                    outputs.append(x)
            hidden = torch.cat(outputs, -1)
            if people is None:
                return hidden
            return torch.cat([hidden[:, :, : self.config.registers], hidden[:, :, placeless:]], 2)

    def heads(
        self,
        hidden: torch.Tensor,
        grid: tuple[int, int],
        rows: Sequence[int] | torch.Tensor | None = None,
        with_confidence: bool = False,
    ) -> SceneOutput:
        """Read geometry out of ``hidden`` (B, N, T, 2C).

        Args:
            grid: rows and columns of patches.
            rows: indices of the views that are wanted, N' of them; None: all. The metric scale reads all views.
            with_confidence: also run the confidence branch, which costs as much as the point branch.

        Returns:
            Geometry of the N' views.
        """
        wanted = hidden if rows is None else hidden[:, torch.as_tensor(rows, device=hidden.device)]
        shape, registers = wanted.shape[:2], self.config.registers
        frames = wanted.flatten(0, 1)
        with autocast(hidden.device, self.precision):
            position = self._rotary(grid, hidden.device)
            metric = self._metric_scale(hidden, grid)
            xy, z = self.point_head(self.point_decoder(frames, position)[:, registers:], grid)
            poses = self.camera_head(self.camera_decoder(frames, position)[:, registers:])
            confidence = None
            if with_confidence:
                (logits,) = self.conf_head(self.conf_decoder(frames, position)[:, registers:], grid)
                confidence = logits.permute(0, 2, 3, 1).unflatten(0, shape)
        with full_precision(hidden.device):
            depth = z[:, 0].clamp(max=LARGEST_LOG_DEPTH).exp().unflatten(0, shape) * metric[:, None, None, None]
            return SceneOutput(
                tangents=xy.permute(0, 2, 3, 1).unflatten(0, shape),
                depth=depth,
                confidence=confidence,
                world_from_camera=scaled_poses(poses.unflatten(0, shape), metric),
                metric_scale=metric,
                tokens=wanted[:, :, registers:],
            )

    def forward(
        self,
        images: torch.Tensor,
        intrinsics: torch.Tensor | None = None,
        world_from_camera: torch.Tensor | None = None,
        depths: torch.Tensor | None = None,
        masks: Mapping[str, torch.Tensor] | None = None,
        *,
        rays: torch.Tensor | None = None,
        with_confidence: bool = True,
    ) -> SceneOutput:
        """All stages at once.

        Args:
            images: (B, N, 3, H, W) in [0, 1], sides multiples of the patch.
            intrinsics: (B, N, 3, 3) pixels of these images.
            world_from_camera: (B, N, 4, 4) known poses. They do not set the scale of the output.
            depths: (B, N, H, W), 0 where unknown.
            masks: (B, N) bool by name of the condition: which views it counts for. Default: all.
            rays: (B, N, H, W, 3) instead of intrinsics.
            with_confidence: False leaves ``confidence`` None and saves its branch.

        Raises:
            ValueError: shapes or values do not fit; the message says what was expected.
        """
        check_batch(images)
        grid = self.encoder.grid(*images.shape[-2:])
        conditions = prepare(
            (images.shape[-2], images.shape[-1]),
            intrinsics=intrinsics,
            rays=rays,
            world_from_camera=world_from_camera,
            depths=depths,
            masks=masks,
        )
        tokens = self.encode(images.flatten(0, 1)).unflatten(0, images.shape[:2])
        return self.heads(self.decode(tokens, grid, conditions), grid, with_confidence=with_confidence)

    def _rotary(self, grid: tuple[int, int], device: torch.device, placeless: int | None = None) -> Rotary2D:
        """Positions of the tokens of one view for the blocks of decoder and heads.

        Args:
            placeless: tokens before those of the image; None: the registers.
        """
        positions = patch_positions(grid, self.config.registers if placeless is None else placeless, device)
        dtype = angle_dtype(device) if self.config.rounded_angles else torch.float32
        return Rotary2D.at(positions, self.config.encoder.width // self.config.encoder.heads, dtype)

    def _metric_scale(self, hidden: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
        """(B,) one scale per sample, from all its views."""
        with full_precision(hidden.device):
            positions = patch_positions(grid, self.config.registers, hidden.device)
            position = Rotary2D.at(positions, self.config.metric_width // self.config.metric_heads)
            query = self.metric_token.expand(len(hidden), -1, -1)
            token = self.metric_decoder(query, hidden.flatten(1, 2), position.repeat(hidden.shape[1]))
            return self.metric_head(token)[:, 0]

    def _check_conditions(self, conditions: Conditions) -> None:
        possible = {
            'intrinsics or rays': (conditions.rays, self.config.ray_condition),
            'depths': (conditions.depth, self.config.depth_encoder is not None),
            'world_from_camera': (conditions.world_from_camera, bool(self.config.pose_injection)),
        }
        refused = [kind for kind, (value, supported) in possible.items() if value is not None and not supported]
        if refused:
            raise ValueError(f'this configuration of the network cannot take {", ".join(refused)}')

    def _with_conditions(self, tokens: torch.Tensor, conditions: Conditions) -> torch.Tensor:
        """Add the tokens of known rays and depths to those of the images."""
        rays, depth = conditions.rays, conditions.depth
        if rays is not None and conditions.use_rays is not None:
            tokens = conditions.use_rays.added(tokens, self.ray_embed(conditions.use_rays.chosen(rays)))
        if depth is not None and conditions.use_depth is not None:
            known = self.depth_encoder(conditions.use_depth.chosen(depth)) + self.depth_emb
            tokens = conditions.use_depth.added(tokens, known)
        return tokens

    def _with_poses(
        self, x: torch.Tensor, number: int, grid: tuple[int, int], conditions: Conditions, placeless: int
    ) -> torch.Tensor:
        """Add what known poses say to the patch tokens of ``x`` (B, N, T, C), by injection ``number``.

        Only the views with a pose are gathered: the same numbers as a mask of (N * P)^2, which is never built.
        """
        poses, use = conditions.world_from_camera, conditions.use_poses
        if poses is None or use is None:
            return x
        injection, patches = self.pose_inject_blk[number], x[:, :, placeless:]
        if use.all:
            deltas = injection(patches.flatten(1, 2), poses, grid).view_as(patches).flatten(0, 1)
        else:
            known = [(sample, on) for sample, on in enumerate(use.views) if on is not None]
            each = [injection(patches[n, on].flatten(0, 1)[None], poses[n, on][None], grid) for n, on in known]
            deltas = torch.cat([delta.view(len(on), -1, x.shape[-1]) for delta, (_, on) in zip(each, known)])
        return torch.cat([x[:, :, :placeless], use.added(patches, deltas)], 2)
