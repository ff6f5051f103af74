"""Half precision with islands that stay fp32 on every device.

Linear layers, convolutions and attention may run in bf16 or fp16 under autocast. Geometry may not: an island is code
under :func:`full_precision` whose modules carry ``FULL_PRECISION = True``, so that their weights are never stored in
half precision either.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

DTYPES = {'fp32': torch.float32, 'bf16': torch.bfloat16, 'fp16': torch.float16}


def dtype_of(precision: str) -> torch.dtype:
    """The dtype of matrix products. Raises ValueError for an unknown name."""
    if precision not in DTYPES:
        raise ValueError(f'precision is {precision!r}; it must be one of {", ".join(DTYPES)}')
    return DTYPES[precision]


def chosen_precision(precision: str, device: torch.device | str) -> str:
    """What ``auto`` means on a device: bf16 where its arithmetic is native, which is 8 to 10 times as fast as fp32 on
    a GPU and twice as fast on a CPU, else fp32. Other names pass.

    Raises:
        ValueError: an unknown name.
    """
    if precision != 'auto':
        dtype_of(precision)
        return precision
    if torch.device(device).type == 'cuda':
        native = torch.cuda.get_device_capability(device) >= (8, 0)
    else:  # emulated, it would be slower than fp32
        native = any(getattr(torch.cpu, f'_is_{name}_supported', bool)() for name in ('avx512_bf16', 'amx_tile'))
    return 'bf16' if native else 'fp32'


def autocast(device: torch.device, precision: str) -> AbstractContextManager[None]:
    """Run matrix products on ``device`` in ``precision``; fp32 leaves an autocast of the caller as it is."""
    dtype = dtype_of(precision)
    if dtype is torch.float32 or device.type == 'meta':
        return nullcontext()
    return torch.autocast(device.type, dtype=dtype)


def full_precision(device: torch.device) -> AbstractContextManager[None]:
    """A float32 island on ``device``, inside any autocast. Give it float32 tensors."""
    # Autocast does not know the meta device.
    return nullcontext() if device.type == 'meta' else torch.autocast(device.type, enabled=False)


def angle_dtype(device: torch.device) -> torch.dtype:
    """The dtype of queries and keys in attention here and now, in which rotary angles are rounded."""
    if device.type in ('cpu', 'meta') or not torch.is_autocast_enabled(device.type):
        return torch.float32
    return torch.get_autocast_dtype(device.type)


def store_weights(module: nn.Module, precision: str) -> None:
    """Keep the weights of matrix products in ``precision``; islands, norms, scales and tokens stay fp32.

    Under autocast the numbers are the same as with fp32 storage; it halves the memory and saves a cast per call.
    """
    if getattr(module, 'FULL_PRECISION', False):
        return
    if isinstance(module, (nn.Linear, nn.Conv2d)):
        module.to(dtype_of(precision))
    for child in module.children():
        store_weights(child, precision)


def check_device(device: torch.device, precision: str) -> None:
    """Refuse what this machine cannot run; raises ValueError."""
    dtype = dtype_of(precision)
    if device.type == 'cuda' and not torch.cuda.is_available():
        raise ValueError('device is cuda, but PyTorch finds no GPU; use device cpu, or install a PyTorch with CUDA')
    if device.type == 'cpu' and dtype is torch.float16:
        raise ValueError('precision fp16 needs a GPU; on the CPU use bf16 or fp32')
