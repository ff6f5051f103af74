"""Rigid transforms as plain floats: a chain of TF frames is a handful of them, too few for arrays to pay."""

from __future__ import annotations

import math
from typing import NamedTuple

from geometry_msgs.msg import Transform

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]  # x, y, z, w

PARALLEL = 1.0 - 1e-9
"""Cosine above which slerp's sine underflows; the linear blend is exact to rounding there."""


class Rigid(NamedTuple):
    """``parent_from_child``: maps coordinates of the child frame to the parent frame, in metres."""

    translation: Vector
    rotation: Quaternion

    def __matmul__(self, inner: Rigid) -> Rigid:
        """``a_from_b @ b_from_c`` is ``a_from_c``."""
        moved = rotate(self.rotation, inner.translation)
        x, y, z = (a + b for a, b in zip(self.translation, moved))
        return Rigid((x, y, z), multiply(self.rotation, inner.rotation))

    def inverse(self) -> Rigid:
        x, y, z, w = self.rotation
        back = (-x, -y, -z, w)
        tx, ty, tz = rotate(back, self.translation)
        return Rigid((-tx, -ty, -tz), back)

    def message(self) -> Transform:
        message = Transform()
        translation, rotation = message.translation, message.rotation
        translation.x, translation.y, translation.z = self.translation
        rotation.x, rotation.y, rotation.z, rotation.w = self.rotation
        return message


IDENTITY = Rigid((0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))


def from_message(message: Transform) -> Rigid:
    t, q = message.translation, message.rotation
    return Rigid((t.x, t.y, t.z), (q.x, q.y, q.z, q.w))


def interpolate(start: Rigid, end: Rigid, ratio: float) -> Rigid:
    """Straight line for the position, great circle (slerp, the short way) for the rotation; ``ratio`` in [0, 1]."""
    x, y, z = (a + ratio * (b - a) for a, b in zip(start.translation, end.translation))
    return Rigid((x, y, z), slerp(start.rotation, end.rotation, ratio))


def slerp(start: Quaternion, end: Quaternion, ratio: float) -> Quaternion:
    cosine = sum(a * b for a, b in zip(start, end))
    sign = -1.0 if cosine < 0.0 else 1.0  # q and -q are one rotation; blend the nearer pair
    cosine = abs(cosine)
    if cosine > PARALLEL:
        first, second = 1.0 - ratio, sign * ratio
    else:
        angle = math.acos(cosine)
        first = math.sin((1.0 - ratio) * angle) / math.sin(angle)
        second = sign * math.sin(ratio * angle) / math.sin(angle)
    x, y, z, w = (first * a + second * b for a, b in zip(start, end))
    return normalized((x, y, z, w))


def normalized(q: Quaternion) -> Quaternion:
    norm = math.hypot(*q)
    return (q[0] / norm, q[1] / norm, q[2] / norm, q[3] / norm)


def multiply(a: Quaternion, b: Quaternion) -> Quaternion:
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def rotate(q: Quaternion, v: Vector) -> Vector:
    """``v + 2 w (q x v) + 2 q x (q x v)``, the expansion of ``q v q*``."""
    x, y, z, w = q
    tx, ty, tz = 2.0 * (y * v[2] - z * v[1]), 2.0 * (z * v[0] - x * v[2]), 2.0 * (x * v[1] - y * v[0])
    return (
        v[0] + w * tx + y * tz - z * ty,
        v[1] + w * ty + z * tx - x * tz,
        v[2] + w * tz + x * ty - y * tx,
    )
