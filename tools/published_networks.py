"""Reads convolution networks as TensorFlow Lite and TensorFlow.js publish them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HEADS = ('center_0/conv2d_4', 'box_scale_0/conv2d_5', 'box_offset_0/conv2d_6', 'kpt_heatmap_0/conv2d_7',
         'kpt_regress_0/conv2d_8', 'kpt_offset_0/conv2d_9')  # fmt: skip
"""Where MoveNet's convolutions end; what follows in its graph is decoded by chromm_ros.network.open.finder."""

Network = tuple[dict[str, Any], dict[str, np.ndarray]]
"""Plan and weights, as chromm_ros.network.open.graph.ConvolutionGraph takes them."""


# -- TensorFlow Lite ---------------------------------------------------------------------------------------------


def read_tflite(path: Path) -> Network:
    """The network of a TFLite file."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    graph = model.subgraphs[0]
    kinds = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    values = {int(graph.inputs[0]): 0}
    constants = _tflite_constants(model, graph)
    operations: list[dict[str, Any]] = []
    weights: dict[str, np.ndarray] = {}
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        kind = kinds[max(code.builtinCode, code.deprecatedBuiltinCode)]
        output = int(operator.outputs[0])
        if kind in ('DEQUANTIZE', 'DENSIFY'):  # constants are whole numbers of bits already
            constants[output] = constants[operator.inputs[0]]
            continue
        number = values[output] = len(values)
        fields = {'inputs': [values[n] for n in operator.inputs if n in values], 'output': number}
        step, arrays = _TFLITE[kind](operator.builtinOptions, [constants.get(int(n)) for n in operator.inputs])
        operations.append(fields | step | _activation(operator.builtinOptions))
        weights |= {f'{number}.{name}': array for name, array in arrays.items()}
    size = [int(n) for n in graph.tensors[graph.inputs[0]].shape[1:3]]
    return {'operations': operations, 'outputs': [values[int(n)] for n in graph.outputs], 'size': size}, weights


def _tflite_constants(model: Any, graph: Any) -> dict[int, np.ndarray]:
    kinds = {0: np.float32, 1: np.float16, 2: np.int32}
    constants = {}
    for number, tensor in enumerate(graph.tensors):
        data = model.buffers[tensor.buffer].data
        if data is not None and len(data):
            raw = np.frombuffer(bytes(data), kinds[tensor.type])
            constants[number] = _dense(tensor, raw) if tensor.sparsity else raw.reshape(tensor.shape)
    return constants


def _dense(tensor: Any, raw: np.ndarray) -> np.ndarray:
    """The dense array of a TFLite sparse tensor: levels of a tree, dense or compressed, blocks innermost."""
    sparsity, shape = tensor.sparsity, [int(n) for n in tensor.shape]
    blocked_axes = [] if sparsity.blockMap is None else [int(n) for n in sparsity.blockMap]
    levels, order = sparsity.dimMetadata, [int(n) for n in sparsity.traversalOrder]
    block = [int(levels[len(shape) + n].denseSize) for n in range(len(blocked_axes))]
    for axis, size in zip(blocked_axes, block):
        shape[axis] //= size
    positions = np.zeros((1, 0), int)  # of every stored entry so far, one column per level
    for level in levels:
        if level.format == 0:  # dense: each entry has all children
            count = int(level.denseSize)
            parents, own = np.repeat(np.arange(len(positions)), count), np.tile(np.arange(count), len(positions))
        else:
            segments = np.asarray(level.arraySegments.values, int)
            parents = np.repeat(np.arange(len(positions)), np.diff(segments))
            own = np.asarray(level.arrayIndices.values, int)[: len(parents)]
        positions = np.column_stack([positions[parents], own])
    index = np.empty_like(positions)
    index[:, order] = positions
    dense = np.zeros((*shape, *block), raw.dtype)
    dense[tuple(index.T)] = raw
    for axis in blocked_axes:  # every block returns into the axis that it was cut from
        dense = np.moveaxis(dense, len(shape), axis + 1)
        dense = dense.reshape(*dense.shape[:axis], -1, *dense.shape[axis + 2 :])
    return dense


def _activation(options: Any) -> dict[str, Any]:
    name = {0: '', 1: 'relu', 3: 'relu6'}[getattr(options, 'fusedActivationFunction', 0) or 0]
    return {'activation': name} if name else {}


def _tflite_convolution(options: Any, inputs: list[Any], *, depthwise: bool) -> tuple[dict, dict]:
    kernel = inputs[1].transpose(3, 0, 1, 2) if depthwise else inputs[1].transpose(0, 3, 1, 2)
    step = {
        'kind': 'convolve',
        'same': options.padding == 0,
        'stride': int(options.strideH),
        'dilation': int(options.dilationHFactor),
        'groups': len(kernel) if depthwise else 1,
    }
    return step, {'weight': kernel, 'bias': inputs[2]}


def _tflite_pool(options: Any, inputs: list[Any]) -> tuple[dict, dict]:
    size = {'stride': int(options.strideH), 'size': int(options.filterHeight)}
    return {'kind': 'pool', 'same': options.padding == 0, **size}, {}


def _tflite_pad(options: Any, inputs: list[Any]) -> tuple[dict, dict]:
    _, height, width, _ = inputs[1].tolist()
    return {'kind': 'pad', 'pad': [*width, *height]}, {}


def _tflite_resize(options: Any, inputs: list[Any]) -> tuple[dict, dict]:
    if options.alignCorners or not options.halfPixelCenters:
        raise ValueError('a resize that is not between pixel centres')
    return {'kind': 'double'}, {}


_TFLITE: dict[str, Callable[[Any, list[Any]], tuple[dict, dict]]] = {
    'CONV_2D': lambda options, inputs: _tflite_convolution(options, inputs, depthwise=False),
    'DEPTHWISE_CONV_2D': lambda options, inputs: _tflite_convolution(options, inputs, depthwise=True),
    'ADD': lambda options, inputs: ({'kind': 'add'}, {}),
    'MAX_POOL_2D': _tflite_pool,
    'PAD': _tflite_pad,
    'RESIZE_BILINEAR': _tflite_resize,
    'RESHAPE': lambda options, inputs: ({'kind': 'flatten'}, {}),
    'LOGISTIC': lambda options, inputs: ({'kind': 'sigmoid'}, {}),
}


# -- TensorFlow.js -----------------------------------------------------------------------------------------------


def read_tfjs(path: Path) -> Network:
    """The convolutions of MoveNet MultiPose, from the normalised image to its six heads."""
    model = json.loads(path.read_text())
    constants = _tfjs_constants(model, path.parent)
    values = {'StatefulPartitionedCall/sub_1': 0}
    operations: list[dict[str, Any]] = []
    weights: dict[str, np.ndarray] = {}
    for node in model['modelTopology']['node']:
        names = [name.split(':')[0] for name in node.get('input', [])]
        inputs = [values[name] for name in names if name in values]
        step, arrays = _tfjs_operation(node, names, inputs, constants)
        if not step:
            continue
        number = values[node['name']] = len(values)
        operations.append({'inputs': inputs, 'output': number} | step)
        weights |= {f'{number}.{name}': array for name, array in arrays.items()}
    outputs = [values[f'StatefulPartitionedCall/{head}/BiasAdd'] for head in HEADS]
    return {'operations': operations, 'outputs': outputs, 'size': [256, 256]}, weights


def _tfjs_constants(model: dict, folder: Path) -> dict[str, np.ndarray]:
    constants = {}
    for group in model['weightsManifest']:
        data = b''.join((folder / name).read_bytes() for name in group['paths'])
        offset = 0
        for entry in group['weights']:
            kind = np.dtype(entry.get('quantization', entry)['dtype'])
            count = int(np.prod(entry['shape']))
            constants[entry['name']] = np.frombuffer(data, kind, count, offset).reshape(entry['shape'])
            offset += count * kind.itemsize
    return constants


def _tfjs_operation(node: dict, names: list[str], inputs: list[int], constants: dict) -> tuple[dict, dict]:
    """Fields and weights of a node; empty for what is no part of the convolutions."""
    kind = node['op']
    if not inputs:
        return {}, {}
    if kind == 'AddV2':
        return ({'kind': 'add'}, {}) if len(inputs) == 2 else ({}, {})
    if kind == 'ResizeBilinear':
        if _tfjs(node, 'align_corners') or not _tfjs(node, 'half_pixel_centers'):
            raise ValueError('a resize that is not between pixel centres')
        return {'kind': 'double'}, {}
    if kind not in ('_FusedConv2D', 'FusedDepthwiseConv2dNative', 'DepthwiseConv2dNative'):
        return {}, {}
    kernel, depthwise = constants[names[1]], kind != '_FusedConv2D'
    if depthwise:
        kernel = kernel.transpose(2, 3, 0, 1)
        kernel = kernel.reshape(-1, 1, *kernel.shape[2:])
    else:
        kernel = kernel.transpose(3, 2, 0, 1)
    fused = _tfjs(node, 'fused_ops') or []
    bias = constants[names[2]] if 'BiasAdd' in fused else np.zeros(len(kernel), np.float16)
    activation = next((name.lower() for name in fused if name in ('Relu6', 'Relu')), '')
    step = {
        'kind': 'convolve',
        'same': _tfjs(node, 'padding') == 'SAME',
        'stride': _tfjs(node, 'strides')[1],
        'groups': len(kernel) if depthwise else 1,
    }
    return step | ({'activation': activation} if activation else {}), {'weight': kernel, 'bias': bias}


def _tfjs(node: dict, name: str) -> Any:
    value = node.get('attr', {}).get(name, {})
    if 'list' in value:
        integers = [int(entry) for entry in value['list'].get('i', [])]
        return integers or [base64.b64decode(entry).decode() for entry in value['list'].get('s', [])]
    return base64.b64decode(value['s']).decode() if 's' in value else value.get('b')
