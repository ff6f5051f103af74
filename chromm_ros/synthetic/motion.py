"""How people move: joint angles of everyday activities as functions of time, and theta from them.

An activity gives named angles ("channels"), because angles of the same names can be blended: a person who stops
walking and begins to wave passes through all poses between. :func:`pose_from_angles` makes SMPL-X rotations of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chromm_ros.skeleton import POSE_JOINTS

CHANNELS = (
    'drop_l', 'drop_r',  # arm lowered from the T-pose
    'swing_l', 'swing_r',  # arm forward
    'elbow_l', 'elbow_r', 'wrist_l', 'wrist_r', 'curl_l', 'curl_r',
    'hip_l', 'hip_r',  # thigh forward
    'spread_l', 'spread_r', 'knee_l', 'knee_r', 'ankle_l', 'ankle_r',
    'bend', 'twist', 'lean',  # spine forward, about its axis, sideways
    'neck_yaw', 'neck_pitch', 'head_yaw', 'head_pitch', 'jaw',
)  # fmt: skip
"""Angles of a pose [rad]; zero is the T-pose."""

CHANNEL = {name: index for index, name in enumerate(CHANNELS)}

STRIDE = 3.06
"""Ground covered in one gait cycle over the sine of the hip's amplitude [m]: four leg lengths of 0.85 m, less the
tenth that the knee's flexion takes; with it the standing foot does not slide."""

Angles = np.ndarray
"""(..., C) angles of CHANNELS [rad]."""

Activity = Callable[[np.ndarray, np.ndarray], Angles]
"""From seconds (T,) and metres walked so far (T,) to angles (T, C)."""

STANDING = ('idle', 'wave', 'reach', 'crouch', 'talk', 'freestyle')
"""Activities that need nothing but a place to stand."""


def pose_from_angles(angles: Angles) -> np.ndarray:
    """(..., 52, 3, 3) float32 theta from (..., C) angles. The right side mirrors the left."""
    euler = np.zeros((*angles.shape[:-1], 55, 3))  # about y, x, z: applied in this order from the left

    def channel(name: str) -> np.ndarray:
        return angles[..., CHANNEL[name]]

    for side, sign, hand in (('l', 1, 25), ('r', -1, 40)):
        right = side == 'r'
        euler[..., 1 + right, 1] = -channel(f'hip_{side}')
        euler[..., 1 + right, 2] = sign * channel(f'spread_{side}')
        euler[..., 4 + right, 1] = channel(f'knee_{side}')
        euler[..., 7 + right, 1] = channel(f'ankle_{side}')
        # the collar bone takes an eighth of the arm's drop; without it the shoulders look like hinges
        euler[..., 13 + right, 2] = sign * (0.05 - 0.12 * channel(f'drop_{side}'))
        euler[..., 16 + right, 2] = -sign * 0.88 * channel(f'drop_{side}')
        euler[..., 16 + right, 1] = -channel(f'swing_{side}')
        euler[..., 18 + right, 0] = -sign * np.clip(channel(f'elbow_{side}'), 0, 2.4)
        euler[..., 20 + right, 2] = channel(f'wrist_{side}')
        euler[..., hand : hand + 12, 2] = -sign * channel(f'curl_{side}')[..., None]
    for joint, share in ((3, 0.35), (6, 0.35), (9, 0.3)):
        euler[..., joint, :] = share * np.stack([channel('twist'), channel('bend'), channel('lean')], -1)
    euler[..., 12, 0] = channel('neck_yaw')
    euler[..., 12, 1] = channel('neck_pitch') - 0.4 * channel('bend')  # people look ahead when they bend
    euler[..., 15, 0] = channel('head_yaw')
    euler[..., 15, 1] = channel('head_pitch')
    euler[..., 22, 1] = channel('jaw')
    return _rotations_yxz(euler[..., POSE_JOINTS, :])


def _rotations_yxz(euler: np.ndarray) -> np.ndarray:
    """R_y(a) R_x(b) R_z(c) for (..., 3) angles a, b, c; written out, because training draws millions of poses."""
    (sa, sb, sc), (ca, cb, cc) = (np.moveaxis(f(euler.astype(np.float32)), -1, 0) for f in (np.sin, np.cos))
    rows = [
        [ca * cc + sa * sb * sc, sa * sb * cc - ca * sc, sa * cb],
        [cb * sc, cb * cc, -sb],
        [ca * sb * sc - sa * cc, sa * sc + ca * sb * cc, ca * cb],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


class _Sway:
    """Slow irregular movement: two sines of random pitch and phase per channel, so that nobody ever freezes."""

    AMPLITUDES = {  # noqa: RUF012
        'drop_l': 0.06, 'drop_r': 0.06, 'swing_l': 0.1, 'swing_r': 0.1, 'elbow_l': 0.1, 'elbow_r': 0.1,
        'wrist_l': 0.15, 'wrist_r': 0.15, 'hip_l': 0.03, 'hip_r': 0.03, 'bend': 0.03, 'twist': 0.1, 'lean': 0.03,
        'neck_yaw': 0.25, 'neck_pitch': 0.12, 'head_yaw': 0.2, 'head_pitch': 0.1, 'jaw': 0.02,
    }  # fmt: skip

    def __init__(self, rng: np.random.Generator, **changed: float):
        self.amplitude = np.zeros(len(CHANNELS))
        for name, value in {**self.AMPLITUDES, **changed}.items():
            self.amplitude[CHANNEL[name]] = value
        self.pitch = 2 * np.pi * rng.uniform(0.15, 0.6, (2, len(CHANNELS)))
        self.phase = rng.uniform(0, 2 * np.pi, (2, len(CHANNELS)))

    def __call__(self, seconds: np.ndarray) -> Angles:
        waves = np.sin(self.pitch[:, None] * seconds[None, :, None] + self.phase[:, None])
        return self.amplitude * (0.7 * waves[0] + 0.5 * waves[1])


def _relaxed(rng: np.random.Generator) -> dict[str, float]:
    """Angles of a person who stands about."""
    u = rng.uniform
    curl = u(0, 0.5)
    return {
        'drop_l': u(1.1, 1.4), 'drop_r': u(1.1, 1.4), 'elbow_l': u(0.1, 0.5), 'elbow_r': u(0.1, 0.5),
        'knee_l': u(0, 0.08), 'knee_r': u(0, 0.08), 'spread_l': u(0, 0.1), 'spread_r': u(0, 0.1),
        'bend': u(-0.03, 0.12), 'curl_l': curl, 'curl_r': curl,
    }  # fmt: skip


def _still(rng: np.random.Generator, angles: dict[str, float], **sway: float) -> Activity:
    """Hold ``angles`` with a sway."""
    centre = np.zeros(len(CHANNELS))
    for name, value in angles.items():
        centre[CHANNEL[name]] = value
    swaying = _Sway(rng, **sway)
    return lambda seconds, walked: centre + swaying(seconds)


def _idle(rng: np.random.Generator) -> Activity:
    return _still(rng, _relaxed(rng))


def _wave(rng: np.random.Generator) -> Activity:
    side = 'l' if rng.random() < 0.5 else 'r'
    base = _still(
        rng, {**_relaxed(rng), f'drop_{side}': -rng.uniform(0.4, 1.2), f'elbow_{side}': rng.uniform(0.8, 1.3)}
    )
    pitch, phase = 2 * np.pi * rng.uniform(0.8, 1.8), rng.uniform(0, 2 * np.pi)

    def wave(seconds: np.ndarray, walked: np.ndarray) -> Angles:
        angles = base(seconds, walked)
        angles[:, CHANNEL[f'elbow_{side}']] += 0.45 * np.sin(pitch * seconds + phase)
        return angles

    return wave


def _reach(rng: np.random.Generator) -> Activity:
    angles = _relaxed(rng)
    u = rng.uniform
    for side in 'lr':
        if rng.random() < 0.75:
            angles |= {f'elbow_{side}': u(0.1, 0.8), f'drop_{side}': u(-0.3, 1), f'swing_{side}': u(0, 0.9)}
    angles['bend'] += u(0, 0.35)
    return _still(rng, angles, swing_l=0.2, swing_r=0.2, drop_l=0.15, drop_r=0.15)


def _sit(rng: np.random.Generator) -> Activity:
    u = rng.uniform
    hip, knee = u(1.35, 1.6), u(1.25, 1.6)
    angles = {
        **_relaxed(rng), 'hip_l': hip, 'hip_r': hip, 'knee_l': knee, 'knee_r': knee + u(-0.1, 0.1),
        'spread_l': u(0.02, 0.3), 'spread_r': u(0.02, 0.3), 'bend': u(-0.1, 0.3),
        'elbow_l': u(0.5, 1.4), 'elbow_r': u(0.5, 1.4), 'swing_l': u(0.2, 0.6), 'swing_r': u(0.2, 0.6),
    }  # fmt: skip
    return _still(rng, angles, swing_l=0.05, swing_r=0.05)


def _crouch(rng: np.random.Generator) -> Activity:
    u = rng.uniform
    hip = u(0.8, 2.0)
    angles = {
        **_relaxed(rng), 'hip_l': hip, 'hip_r': hip * u(0.7, 1), 'knee_l': hip * 1.05, 'knee_r': hip * 1.05,
        'ankle_l': -0.35 * hip, 'ankle_r': -0.35 * hip, 'bend': u(0.1, 0.6),
        'elbow_l': u(0.3, 1.5), 'elbow_r': u(0.3, 1.5), 'swing_l': u(0.2, 0.9), 'swing_r': u(0.2, 0.9),
    }  # fmt: skip
    return _still(rng, angles, hip_l=0.05, hip_r=0.05)


def _talk(rng: np.random.Generator) -> Activity:
    u = rng.uniform
    angles = {
        **_relaxed(rng), 'elbow_l': u(0.7, 1.5), 'elbow_r': u(0.7, 1.5), 'swing_l': u(0, 0.4), 'swing_r': u(0, 0.4),
        'jaw': 0.08,
    }  # fmt: skip
    return _still(rng, angles, elbow_l=0.4, elbow_r=0.4, swing_l=0.15, swing_r=0.15, jaw=0.08)


def _freestyle(rng: np.random.Generator) -> Activity:
    """Anything a body can do: keeps a network from believing that there are nine poses."""
    u = rng.uniform
    angles = {
        **_relaxed(rng), 'drop_l': u(-1.2, 1.4), 'drop_r': u(-1.2, 1.4), 'swing_l': u(-0.5, 1.2),
        'swing_r': u(-0.5, 1.2), 'elbow_l': u(0, 2), 'elbow_r': u(0, 2), 'hip_l': u(-0.3, 0.8), 'knee_l': u(0, 1),
        'spread_l': u(0, 0.4), 'spread_r': u(0, 0.4),
        'bend': u(-0.2, 0.5), 'twist': u(-0.5, 0.5), 'lean': u(-0.3, 0.3),
    }  # fmt: skip
    arms = dict.fromkeys(('drop_l', 'drop_r', 'swing_l', 'swing_r', 'elbow_l', 'elbow_r'), 0.2)
    return _still(rng, angles, **arms)


class Gait:
    """Walking or running. The phase follows the ground covered, not time, so feet do not slide at any speed."""

    def __init__(self, rng: np.random.Generator, run: bool = False):
        u = rng.uniform
        self.run = run
        self.amplitude = u(0.55, 0.75) if run else u(0.35, 0.5)
        self.cycle = STRIDE * np.sin(self.amplitude)  # [m]
        self.speed = self.cycle * (u(1.2, 1.5) if run else u(0.8, 1.05))  # [m/s]
        self.phase = u(0, 2 * np.pi)
        self.arms = u(0.3, 0.55) * (1.5 if run else 1)
        elbow = u(0.2, 0.5) + (1.0 if run else 0)
        bend = u(0.02, 0.1) + (0.15 if run else 0)
        self.base = _still(rng, {**_relaxed(rng), 'elbow_l': elbow, 'elbow_r': elbow, 'bend': bend}, twist=0.02)

    def __call__(self, seconds: np.ndarray, walked: np.ndarray) -> Angles:
        angles = self.base(seconds, walked)
        cycle = 2 * np.pi * walked / self.cycle + self.phase
        for side, phase in (('l', cycle), ('r', cycle + np.pi)):
            swing = np.sin(phase)
            angles[:, CHANNEL[f'hip_{side}']] += self.amplitude * swing + 0.05
            lift = np.clip(np.sin(phase + 1.3), 0, None) ** 1.5  # the knee folds while its thigh comes forward
            angles[:, CHANNEL[f'knee_{side}']] = 0.15 + 1.2 * self.amplitude * lift + (0.25 if self.run else 0)
            angles[:, CHANNEL[f'ankle_{side}']] -= 0.15 * swing
            angles[:, CHANNEL[f'swing_{side}']] -= self.arms * swing  # arms swing against the legs
            angles[:, CHANNEL[f'elbow_{side}']] -= 0.15 * swing
        angles[:, CHANNEL['bend']] += 0.02 * np.sin(2 * cycle)
        angles[:, CHANNEL['twist']] += 0.12 * np.sin(cycle)
        return angles


_STILL: dict[str, Callable[[np.random.Generator], Activity]] = {
    'idle': _idle,
    'wave': _wave,
    'reach': _reach,
    'sit': _sit,
    'crouch': _crouch,
    'talk': _talk,
    'freestyle': _freestyle,
}


def sample_activity(name: str, rng: np.random.Generator) -> Activity:
    """One person's way of doing ``name`` (one of STANDING, or ``sit``)."""
    return _STILL[name](rng)
