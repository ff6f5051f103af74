"""What the capture node computes with: the network, the body, and a capture per session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

import numpy as np

from chromm_ros.capture.capture import Capture
from chromm_ros.capture.protocols import LiveCapture, Network
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.flow import ImageSet, ViewImage
from chromm_ros.ros.common.settings import NodeSettings

if TYPE_CHECKING:
    from chromm_ros.body.model import BodyModel

WARM_UP_SIZE = (640, 480)
"""Of images where nobody has sent one yet [px]."""
PERIOD = 100_000_000
"""From one image set of a warm-up to the next [ns]."""


class Backend(Protocol):
    """What the capture node computes with."""

    body: Any
    """The body model: a :class:`chromm_ros.body.model.BodyModel`."""
    trained: bool
    """False: the weights are random; people and scene mean nothing."""
    adapts: bool
    """Its first windows of every size of images take long, in each thread anew: see :meth:`rehearse`."""

    @property
    def device(self) -> str:
        """``cpu``, ``cuda``, ``cuda:1``."""

    def session(self, settings: CaptureSettings, views: Sequence[str]) -> LiveCapture:
        """A capture that has seen nothing yet, with a session id of its own."""

    def warm_up(self, settings: CaptureSettings, views: Sequence[str]) -> None:
        """Run once as large as it will get, so that too little memory shows before anybody relies on the node."""

    def rehearse(self, settings: CaptureSettings, images: ImageSet) -> None:
        """Compute windows of copies of a real set, in the thread that will compute those of its camera from then on:
        what they compile, record and allocate holds for the others."""

    def memory(self) -> dict[str, float]:
        """Memory of the GPU [MB], empty on a CPU."""

    def release(self) -> None:
        """Give the memory back."""


class NetworkBackend:
    """A network with its body.

    Raises:
        OSError, ValueError, KeyError, RuntimeError: weights or body cannot be loaded; the text is for the user.
    """

    def __init__(self, settings: NodeSettings) -> None:
        from chromm_ros.body.model import BodyModel
        from chromm_ros.network.chromm import Chromm
        from chromm_ros.network.loading import load_network

        self.device = device_of(settings.device)
        self.body: BodyModel = BodyModel.load(_path(settings.body_model))
        self.network: Network | None = load_network(
            settings.preset,
            weights=_path(settings.weights),
            device=self.device,
            precision=settings.precision,
            human_head=cast(Literal['chromm', 'multi_hmr'], settings.human_head),
            body=self.body,
            max_people=settings.max_people,
        )
        self._compile = settings.compiled and isinstance(self.network, Chromm) and self.network.compile_stages
        self.adapts = settings.compiled or self.device.startswith('cuda')
        self.trained = bool(getattr(self.network, 'trained', True))
        """False: the weights are random; people and scene mean nothing."""

    def session(self, settings: CaptureSettings, views: Sequence[str]) -> Capture:
        """A capture that has seen nothing yet, with a session id of its own."""
        if self.network is None:
            raise RuntimeError('the weights were released: configure the node again')
        return Capture(self.network, self.body, settings, views)

    def warm_up(self, settings: CaptureSettings, views: Sequence[str]) -> None:
        """Run once as large as it will get, so that too little memory shows before anybody relies on the node.

        On a CPU memory is no concern and one image set is enough to load everything.
        """
        width, height = WARM_UP_SIZE
        black = ViewImage(np.zeros((height, width, 3), np.uint8), PERIOD)
        self._run(settings, ImageSet(PERIOD, dict.fromkeys(views, black)), self.device.startswith('cuda'))
        if self._compile:  # CUDA graphs belong to the thread that records them: rehearse() will
            self._compile()
            self._compile = False

    def rehearse(self, settings: CaptureSettings, images: ImageSet) -> None:
        """Compute windows of copies of a real set, in the thread that will compute those of its cameras from then on:
        what they compile, record and allocate holds for the others."""
        self._run(settings, images, full=True)

    def _run(self, settings: CaptureSettings, images: ImageSet, full: bool) -> None:
        """Windows of copies of a set, as many as fill the longest; one, unless ``full``."""
        capture = self.session(settings, list(images.views))
        for k in range(settings.window_size if full else 1):
            stamp = images.stamp + k * PERIOD
            views = {view: replace(image, stamp=image.stamp + k * PERIOD) for view, image in images.views.items()}
            capture.add(ImageSet(stamp, views))

    def memory(self) -> dict[str, float]:
        """Memory of the GPU [MB], empty on a CPU."""
        if not self.device.startswith('cuda'):
            return {}
        import torch

        free, total = torch.cuda.mem_get_info(self.device)
        return {
            'allocated_mb': torch.cuda.memory_allocated(self.device) / 1e6,
            'reserved_mb': torch.cuda.memory_reserved(self.device) / 1e6,
            'free_mb': free / 1e6,
            'total_mb': total / 1e6,
        }

    def release(self) -> None:
        """Give the memory back."""
        self.network = None
        if self.device.startswith('cuda'):
            import torch

            torch.cuda.empty_cache()


def _path(text: str) -> Path | None:
    """A file that a parameter names; None: the one in the package."""
    return Path(text).expanduser() if text else None


def device_of(name: str) -> str:
    """The device that a setting means.

    Raises:
        ValueError: there is no such device here.
    """
    import torch

    if name == 'auto':
        return 'cuda' if torch.cuda.is_available() else 'cpu'
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f'device is {name!r}; auto, cpu, cuda or cuda:<number> expected') from None
    if device.type == 'cuda' and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f'device is {name!r}, but this machine has {torch.cuda.device_count()} GPUs')
    return name


def gpu_lost(error: Exception) -> bool:
    """Whether an error means that the GPU cannot be used by this process any more."""
    text = str(error)
    return 'CUDA error' in text and 'out of memory' not in text
