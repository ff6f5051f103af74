"""A convolutional network that its weight file describes: a list of operations, run by plain torch.

The two public networks come as graphs of a dozen kinds of operations. Their order is data, written by
``tools/convert_open_weights.py``; what each kind means is here. The numbers are those of the original interpreter up
to rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

ACTIVATIONS = {'': None, 'relu': torch.relu_, 'relu6': lambda value: functional.hardtanh_(value, 0.0, 6.0)}
"""In place: no operation gives its input back as its output."""


@dataclass(frozen=True)
class Operation:
    """One node of the graph. Values are numbered; 0 is the image."""

    kind: str
    inputs: tuple[int, ...]
    output: int
    activation: str = ''
    same: bool = False
    """Pad so that the output has the size of the input over the stride, the odd pixel at the end."""
    stride: int = 1
    dilation: int = 1
    groups: int = 1
    size: int = 1
    """Side of a pooling window."""
    pad: tuple[int, ...] = ()
    """Pixels before and behind: x, then y, as :func:`torch.nn.functional.pad` takes them."""


class ConvolutionGraph(nn.Module):
    """Images (B, 3, H, W) in, the graph's outputs in its own order and layout, channels last, out."""

    def __init__(self, plan: Mapping[str, Any], weights: Mapping[str, Tensor], outputs: Sequence[int] | None = None):
        """
        Args:
            plan: ``operations`` (fields of :class:`Operation`), ``outputs`` (numbers of values), ``size`` (height,
                width of the images that it was made for).
            weights: ``<output of the operation>.weight`` (O, I, h, w), ``.bias`` (O,).
            outputs: positions in the plan's outputs of those that are wanted; what no wanted output needs is not
                computed. None: all.

        Raises:
            ValueError: the plan names an operation that is not known here.
        """
        super().__init__()
        operations = [_operation(fields) for fields in plan['operations']]
        self.size: tuple[int, int] = tuple(plan['size'])
        wanted = plan['outputs'] if outputs is None else [plan['outputs'][n] for n in outputs]
        self.outputs: tuple[int, ...] = tuple(wanted)
        self.operations = _needed(operations, self.outputs)
        self._unused_after = _last_uses(self.operations, self.outputs)
        for operation in self.operations:
            for part in ('weight', 'bias'):
                tensor = weights.get(f'{operation.output}.{part}')
                if tensor is not None:
                    self.register_buffer(f'{part}_{operation.output}', _laid_out(tensor), persistent=False)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.buffers()).device

    def set_precision(self, dtype: torch.dtype, convolutions: int | None = None) -> ConvolutionGraph:
        """Compute the first ``convolutions`` in ``dtype``; None: all but those that give the outputs.

        The large maps near the image take the time; the numbers near the outputs need the digits: a coordinate of
        200 px in bf16 is an even one.
        """
        last = _last_convolutions(self.operations, self.outputs)
        numbers = [operation.output for operation in self.operations if operation.kind == 'convolve']
        for number in numbers[:convolutions]:
            for name in (f'weight_{number}', f'bias_{number}'):
                if number not in last:
                    setattr(self, name, getattr(self, name).to(dtype))
        return self

    def forward(self, images: Tensor) -> list[Tensor]:
        values = {0: images.contiguous(memory_format=torch.channels_last)}
        for operation, unused in zip(self.operations, self._unused_after):
            values[operation.output] = self._run(operation, [values[n] for n in operation.inputs])
            for number in unused:
                del values[number]
        return [_channels_last(values[n]).float() for n in self.outputs]

    def _run(self, operation: Operation, inputs: list[Tensor]) -> Tensor:
        value = _RUN[operation.kind](self, operation, inputs)
        activation = ACTIVATIONS[operation.activation]
        return value if activation is None else activation(value)

    def _convolve(self, operation: Operation, inputs: list[Tensor]) -> Tensor:
        (x,) = inputs
        weight, bias = getattr(self, f'weight_{operation.output}'), getattr(self, f'bias_{operation.output}')
        x = x.to(weight.dtype)
        pads: tuple[int, ...] = (0, 0)
        if operation.same:
            reach = operation.dilation * (weight.shape[-1] - 1) + 1
            (left, right), (above, below) = (
                _pads(size, reach, operation.stride) for size in (x.shape[3], x.shape[2])
            )
            if left == right and above == below:
                pads = (above, left)  # the convolution does that without a copy
            else:
                x = functional.pad(x, (left, right, above, below))
        return functional.conv2d(x, weight, bias, operation.stride, pads, operation.dilation, operation.groups)

    def _add(self, operation: Operation, inputs: list[Tensor]) -> Tensor:
        return inputs[0] + inputs[1]

    def _pool(self, operation: Operation, inputs: list[Tensor]) -> Tensor:
        (x,) = inputs
        if operation.same:
            pads = [_pads(size, operation.size, operation.stride) for size in (x.shape[3], x.shape[2])]
            x = functional.pad(x, [*pads[0], *pads[1]], value=-torch.inf)
        return functional.max_pool2d(x, operation.size, operation.stride)

    def _pad(self, operation: Operation, inputs: list[Tensor]) -> Tensor:
        return functional.pad(inputs[0], operation.pad)

    def _double(self, operation: Operation, inputs: list[Tensor]) -> Tensor:
        return functional.interpolate(inputs[0], scale_factor=2, mode='bilinear', align_corners=False)

    def _flatten(self, operation: Operation, inputs: list[Tensor]) -> Tensor:
        return _channels_last(inputs[0]).flatten(1)

    def _sigmoid(self, operation: Operation, inputs: list[Tensor]) -> Tensor:
        return torch.sigmoid(inputs[0])


_RUN = {
    'convolve': ConvolutionGraph._convolve,
    'add': ConvolutionGraph._add,
    'pool': ConvolutionGraph._pool,
    'pad': ConvolutionGraph._pad,
    'double': ConvolutionGraph._double,
    'flatten': ConvolutionGraph._flatten,
    'sigmoid': ConvolutionGraph._sigmoid,
}


def _operation(fields: Mapping[str, Any]) -> Operation:
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in fields.items()}
    operation = Operation(**values)
    if operation.kind not in _RUN or operation.activation not in ACTIVATIONS:
        raise ValueError(
            f'the weight file asks for {operation.kind!r} with {operation.activation!r}, which is not known'
        )
    return operation


def _needed(operations: Sequence[Operation], outputs: Sequence[int]) -> tuple[Operation, ...]:
    needed, kept = set(outputs), []
    for operation in reversed(operations):
        if operation.output in needed:
            kept.append(operation)
            needed.update(operation.inputs)
    return tuple(reversed(kept))


def _last_uses(operations: Sequence[Operation], outputs: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Per operation the values that nothing after it reads: their memory is free again."""
    last = {number: n for n, operation in enumerate(operations) for number in operation.inputs}
    return tuple(
        tuple(number for number in set(operation.inputs) if last[number] == n and number not in outputs)
        for n, operation in enumerate(operations)
    )


def _last_convolutions(operations: Sequence[Operation], outputs: Sequence[int]) -> set[int]:
    """Convolutions between which and an output there is no other."""
    wanted, last = set(outputs), set()
    for operation in reversed(operations):
        if operation.output in wanted:
            if operation.kind == 'convolve':
                last.add(operation.output)
            else:
                wanted.update(operation.inputs)
    return last


def _laid_out(tensor: Tensor) -> Tensor:
    tensor = tensor.float()
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor


def _channels_last(value: Tensor) -> Tensor:
    return value.permute(0, 2, 3, 1) if value.ndim == 4 else value


def _pads(size: int, reach: int, stride: int) -> tuple[int, int]:
    """Pixels before and behind, so that windows of ``reach`` pixels give size over stride of them."""
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2
