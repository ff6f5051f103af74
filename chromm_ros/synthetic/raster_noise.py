"""Noise that depends on place and seed alone, for the renderer's loops on the CPU."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

kernel = njit(cache=True, fastmath=True, nogil=True, error_model='numpy')
"""Decorator of every function here: compiled once and kept on disk, free of the interpreter's lock."""

_LOW32 = np.uint64(0xFFFFFFFF)
_X, _Y, _S = np.uint64(0x9E3779B1), np.uint64(0x85EBCA77), np.uint64(0xC2B2AE3D)
_MIX = np.uint64(0x2C1B3C6D)
_15, _12, _8, _16, _24 = (np.uint64(bits) for bits in (15, 12, 8, 16, 24))
_BYTE = np.uint64(255)


@kernel
def hash32(x, y, seed):
    """A well mixed 32-bit number from three integers; counter based, so any order of pixels gives the same noise."""
    a = ((np.uint64(x) * _X) ^ (np.uint64(y) * _Y) ^ (np.uint64(seed) * _S)) & _LOW32
    a ^= a >> _15
    a = (a * _MIX) & _LOW32
    a ^= a >> _12
    a = (a * _X) & _LOW32
    return a ^ (a >> _15)


@kernel
def unit(x, y, seed):
    return np.float64(hash32(np.int64(x), np.int64(y), np.int64(seed)) >> _8) * (1.0 / 16777216.0)


@kernel
def value_noise(u, v, seed):
    iu, iv = math.floor(u), math.floor(v)
    fu, fv = u - iu, v - iv
    fu, fv = fu * fu * (3 - 2 * fu), fv * fv * (3 - 2 * fv)
    low = unit(iu, iv, seed) * (1 - fu) + unit(iu + 1, iv, seed) * fu
    high = unit(iu, iv + 1, seed) * (1 - fu) + unit(iu + 1, iv + 1, seed) * fu
    return low * (1 - fv) + high * fv


@kernel
def bell(x, y, seed):
    """Sum of four bytes about its mean: nearly normal, within 510."""
    a = hash32(x, y, seed)
    return np.float64((a & _BYTE) + ((a >> _8) & _BYTE) + ((a >> _16) & _BYTE) + (a >> _24)) - 510
