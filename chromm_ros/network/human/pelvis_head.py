"""The pelvis of a person in the image: from the head token, then from the token where it lies (CHROMM fig. 3)."""

from __future__ import annotations

import torch
from torch import nn

from chromm_ros.network.human.detection import take
from chromm_ros.network.human.head import two_layers
from chromm_ros.network.human.letterbox import Letterbox
from chromm_ros.network.layers.precision import full_precision


class PelvisHead(nn.Module):
    """Two MLPs: displacement from the head in units of the image, then an offset within the patch.

    Pixels are those of the encoder's input everywhere.
    """

    FULL_PRECISION = True

    def __init__(self, dim: int, hidden: int, patch: int, image_size: tuple[int, int]) -> None:
        super().__init__()
        self.patch = patch
        self.image_size = image_size
        self.coarse = two_layers(dim, hidden, 2)
        # The head token tells apart two people whose pelvises share a patch.
        self.fine = two_layers(2 * dim, hidden, 2)

    def coarse_px(self, head_token: torch.Tensor, head_px: torch.Tensor) -> torch.Tensor:
        """Head tokens (..., dim) and pixels (..., 2) -> pelvis pixels (..., 2), inside the image or not."""
        with full_precision(head_token.device):
            return head_px + self.coarse(head_token.float()) * max(self.image_size)

    def patch_of(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pixels (..., 2) -> token index of their patch (the nearest one for pixels outside) and whether inside."""
        rows, columns = (side // self.patch for side in self.image_size)
        column, row = (pixels / self.patch).floor().long().unbind(-1)
        inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
        return row.clamp(0, rows - 1) * columns + column.clamp(0, columns - 1), inside

    def fine_px(self, token: torch.Tensor, head_token: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        """Tokens (..., dim) of the patches ``index`` (...) and head tokens -> pelvis pixels (..., 2)."""
        columns = self.image_size[1] // self.patch
        patch = torch.stack([index % columns, index // columns], -1)
        with full_precision(token.device):
            return (patch + 0.5 + self.fine(torch.cat([token, head_token], -1).float())) * self.patch

    def forward(
        self, tokens: torch.Tensor, head_token: torch.Tensor, head_px: torch.Tensor, content: Letterbox | None = None
    ) -> torch.Tensor:
        """Pelvis pixels (B, M, 2) of M people in each of B images: fine inside the image, coarse outside of it.

        Args:
            tokens: (B, P, dim) of the human encoder.
            head_token: (B, M, dim).
            head_px: (B, M, 2).
            content: where the image lies in the encoder's input; None: everywhere.
        """
        coarse = self.coarse_px(head_token, head_px)
        index, inside = self.patch_of(coarse)
        if content is not None:
            inside = inside & content.holds(coarse)
        fine = self.fine_px(take(tokens, index), head_token, index)
        return torch.where(inside[..., None], fine, coarse)
