from __future__ import annotations

from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.capture.window.stride import Stride


def test_slow_windows_raise_the_stride_and_quick_ones_lower_it():
    stride = Stride(CaptureSettings(max_interval=0.1, max_stride=3))
    assert stride.adapt(0.09, 1) is None
    sentence = stride.adapt(0.15, 1)
    assert '2 image sets' in sentence
    assert stride.now == 2
    assert stride.adapt(0.19, 2) is None  # 0.095 s per image set: it fits now
    stride.adapt(0.5, 2)
    assert stride.adapt(0.5, 3) is None  # the limit
    assert stride.now == 3
    stride.adapt(0.1, 3)
    stride.adapt(0.07, 2)
    assert stride.now == 1
    assert stride.adapt(0.001, 1) is None


def test_a_steady_load_does_not_swing():
    stride = Stride(CaptureSettings(max_interval=0.1))
    seen = []
    for _ in range(20):
        stride.adapt(0.15 + 0.001 * stride.now, stride.now)
        seen.append(stride.now)
    assert set(seen) == {2}


def test_off_by_default_and_flushes_do_not_count():
    assert Stride(CaptureSettings()).adapt(100.0, 1) is None
    stride = Stride(CaptureSettings(max_interval=0.1, window_stride=4))
    assert stride.adapt(10.0, 1) is None
