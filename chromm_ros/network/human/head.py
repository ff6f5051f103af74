"""A person from one head token: fusion with the scene, SMPL-X parameters, depth of the head (CHROMM 3.1)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.nn import functional

from chromm_ros.geometry.cameras import unproject
from chromm_ros.network.layers.precision import full_precision
from chromm_ros.network.layers.rotation6d import IDENTITY, from_6d
from chromm_ros.network.presets import HumanHeadConfig
from chromm_ros.skeleton import POSE_ROTATIONS

NEAREST = 0.1
"""Smallest depth of a head [m]."""

START = 1.3
"""Where people begin before anything is learned, e^START - 1 = 2.7 m away, if the scene is not looked at."""

DEPTH_DECODERS = {
    'residual': {'decode_depth': 1},
    'gated': {'decode_depth': 1, 'decode_trust': 2},
    'direct': {'decode_direct_depth': 1},
    'translation': {'decode_translation': 3},
}
"""Decoders of each way to say where a person is, with their outputs. The names tell which way weights are for."""


@dataclass(frozen=True)
class PersonEstimate:
    """What the head says about M people, float32."""

    pose: torch.Tensor
    """(M, 52, 3, 3) rotations of theta relative to the parent joints."""
    betas: torch.Tensor
    """(M, 10)."""
    root_rotation: torch.Tensor
    """(M, 3, 3) camera from body."""
    root_from_view: torch.Tensor
    """(M, 3, 3) the same as predicted: relative to the viewing ray where the head is allocentric."""
    depth: torch.Tensor
    """(M,) z of the head joint in the camera frame [m]."""
    own_depth: torch.Tensor
    """(M,) depth without the scene's sample [m]; equals ``depth`` in the residual form."""
    translation: torch.Tensor | None = None
    """(M, 3) head joint, camera frame [m], where it is predicted as such; None: on the ray of its pixel."""

    def head(self, head_px: torch.Tensor, intrinsics: torch.Tensor) -> torch.Tensor:
        """(M, 3) head joints, camera frame [m] (CHROMM eq. 1); pixels (M, 2) and intrinsics (M, 3, 3)."""
        return unproject(head_px, self.depth, intrinsics) if self.translation is None else self.translation

    def farther(self, ratio: torch.Tensor) -> PersonEstimate:
        """The same people at ``ratio`` (M,) times their distance."""
        translation = None if self.translation is None else self.translation * ratio[:, None]
        return replace(self, depth=self.depth * ratio, translation=translation)


class HumanHead(nn.Module):
    """Fusion MLP, four two-layer SMPL decoders, depth residual. A batch of people, no loop; in fp32."""

    FULL_PRECISION = True

    decode_depth: nn.Module
    decode_trust: nn.Module
    decode_direct_depth: nn.Module
    decode_translation: nn.Module

    def __init__(self, config: HumanHeadConfig) -> None:
        super().__init__()
        self.config = config
        camera = 3 if config.camera_features else 0
        # Decoded scene tokens are not normalised, human tokens are.
        self.scene_norm = nn.LayerNorm(config.scene_dim)
        self.fuse = two_layers(config.scene_dim + config.human_dim + camera, config.fusion_hidden, config.dim)
        self.decode_pose = two_layers(config.dim, config.decoder_hidden, POSE_ROTATIONS * 6)
        self.decode_root = two_layers(config.dim, config.decoder_hidden, 6)
        self.decode_betas = two_layers(config.dim, config.decoder_hidden, 10)
        for name, outputs in DEPTH_DECODERS[config.depth].items():
            inputs = config.dim + (name == 'decode_trust')
            setattr(self, name, two_layers(inputs, config.decoder_hidden, outputs))
        self._start_from_a_standing_person()

    def _start_from_a_standing_person(self) -> None:
        """Zero output layers: every person starts upright, facing the camera, near the sampled depth."""
        for name, module in self.named_children():
            if name.startswith('decode_') and isinstance(module, nn.Sequential):
                for parameter in module[-1].parameters():
                    nn.init.zeros_(parameter)
        self.register_buffer('mean_pose', torch.tensor(IDENTITY['rows']).repeat(POSE_ROTATIONS))
        # Bodies are y up, cameras y down: half a turn about x.
        self.register_buffer('mean_root', torch.tensor((1.0, 0.0, 0.0, -1.0, 0.0, 0.0)))

    def forward(
        self,
        scene: torch.Tensor,
        human: torch.Tensor,
        ray: torch.Tensor,
        log_focal: torch.Tensor,
        sampled_depth: torch.Tensor,
    ) -> PersonEstimate:
        """Decode M people.

        Args:
            scene: (M, scene_dim) decoded scene tokens at the heads; zeros where there is no scene.
            human: (M, human_dim) head tokens of the human encoder.
            ray: (M, 2) x/z and y/z of the head pixel in the camera frame.
            log_focal: (M,) log(fx / image width).
            sampled_depth: (M,) depth of the scene at the head pixel [m], positive.
        """
        with full_precision(human.device):
            fused = self.fused_tokens(scene, human, ray, log_focal)
            pose, betas = self.canonical(fused)
            root = from_6d(self.decode_root(fused) + self.mean_root)
            translation = None
            if self.config.depth == 'translation':
                translation = self._translation(fused)
                depth = own_depth = translation[:, 2]
            else:
                depth, own_depth = self._depth(fused, log_focal.float(), sampled_depth.float())
            return PersonEstimate(
                pose=pose,
                betas=betas,
                root_rotation=viewing_rotation(ray.float()) @ root if self.config.allocentric else root,
                root_from_view=root,
                depth=depth,
                own_depth=own_depth,
                translation=translation,
            )

    def fused_tokens(
        self, scene: torch.Tensor, human: torch.Tensor, ray: torch.Tensor, log_focal: torch.Tensor
    ) -> torch.Tensor:
        """(M, dim) tokens H of M people; arguments as in :meth:`forward`."""
        with full_precision(human.device):
            parts = [self.scene_norm(scene.float()), human.float()]
            if self.config.camera_features:
                parts += [ray.float(), log_focal[:, None].float()]
            return self.fuse(torch.cat(parts, -1))

    def canonical(self, fused: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What does not depend on the view: pose (M, 52, 3, 3) and betas (M, 10) of tokens H (M, dim)."""
        with full_precision(fused.device):
            pose = self.decode_pose(fused) + self.mean_pose
            return from_6d(pose.unflatten(-1, (POSE_ROTATIONS, 6))), self.decode_betas(fused)

    def _depth(
        self, fused: torch.Tensor, log_focal: torch.Tensor, sampled: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Depth of the head and the person's own part of it, (M,) each [m] (CHROMM eq. 1)."""
        if self.config.depth == 'direct':
            depth = torch.expm1(self.decode_direct_depth(fused)[:, 0] + START).clamp(min=NEAREST)
            return depth, depth
        output = self.decode_depth(fused)[:, 0]
        if self.config.depth == 'residual':
            depth = (sampled + output).clamp(min=NEAREST)
            return depth, depth
        # A person of one apparent size is twice as far away under twice the focal length.
        own = log_focal + output + 1.0
        coarse = sampled.clamp(min=NEAREST).log()
        trust = self.decode_trust(torch.cat([fused, (coarse - own)[:, None]], -1))
        depth = own + torch.sigmoid(trust[:, 0]) * (coarse - own) + trust[:, 1]
        return depth.exp(), own.exp()

    def _translation(self, fused: torch.Tensor) -> torch.Tensor:
        """(M, 3) place of the head [m]: the direction of the output, at the exponential of its length."""
        output = self.decode_translation(fused)
        output = torch.cat([output[:, :2], output[:, 2:] + START], -1)
        length = output.norm(dim=-1, keepdim=True).clamp(min=1e-6)
        place = output / length * torch.expm1(length)
        return torch.cat([place[:, :2], place[:, 2:].clamp(min=NEAREST)], -1)


def two_layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Linear - GELU - Linear."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, outputs))


def viewing_rotation(ray: torch.Tensor) -> torch.Tensor:
    """Rotations (..., 3, 3) whose z axis is the viewing ray (..., 2) and whose x axis stays level in the camera.

    A person that turns with the ray looks the same: what the network sees is the rotation relative to it.
    """
    z = functional.normalize(torch.cat([ray, torch.ones_like(ray[..., :1])], -1), dim=-1)
    x = functional.normalize(torch.stack([z[..., 2], torch.zeros_like(z[..., 0]), -z[..., 0]], -1), dim=-1)
    return torch.stack([x, torch.linalg.cross(z, x), z], -1)
