import dataclasses

import numpy as np
import pytest
from standins import camera, human

from chromm_ros.flow import Step
from chromm_ros.recording.step_file import StepFile


def step(stamp, people=2):
    cameras = (camera('a', stamp), dataclasses.replace(camera('b', stamp), world_from_camera=None, intrinsics=None))
    humans = tuple(human(number, stamp, ('a', 'b')[: number + 1]) for number in range(people))
    return Step(stamp, humans, cameras)


def assert_same(one, other):
    if dataclasses.is_dataclass(one):
        assert type(one) is type(other)
        for field in dataclasses.fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, tuple):
        assert isinstance(other, tuple)
        assert len(one) == len(other)
        for a, b in zip(one, other):
            assert_same(a, b)
    else:
        np.testing.assert_array_equal(one, other)


def test_steps_come_back_as_they_were(tmp_path):
    file = StepFile(tmp_path / 'steps.bin')
    written = [step(1), step(2, people=0), dataclasses.replace(step(3), cameras=()), step(4, people=1)]
    file.append(written[:2])
    file.append([])
    file.append(written[2:])
    read = list(StepFile(tmp_path / 'steps.bin', file.size))
    assert len(read) == 4
    for one, other in zip(read, written):
        assert_same(one, other)


def test_each_record_costs_the_same_however_many_there_are(tmp_path):
    file, sizes = StepFile(tmp_path / 'steps.bin'), []
    for stamp in range(20):
        before = file.size
        file.append([step(10**18 + stamp)])
        sizes.append(file.size - before)
    assert len(set(sizes)) == 1


def test_what_was_written_after_the_last_save_is_cut_off(tmp_path):
    file = StepFile(tmp_path / 'steps.bin')
    file.append([step(1)])
    saved = file.size
    file.append([step(2)])
    with (tmp_path / 'steps.bin').open('ab') as cut_off:
        cut_off.write(b'half a record')
    again = StepFile(tmp_path / 'steps.bin', saved)
    again.append([step(3)])
    assert [each.stamp for each in again] == [1, 3]


def test_a_file_that_is_too_short_is_refused(tmp_path):
    (tmp_path / 'steps.bin').write_bytes(b'xy')
    with pytest.raises(ValueError, match='2 bytes, 100 were written'):
        StepFile(tmp_path / 'steps.bin', 100)
