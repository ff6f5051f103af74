"""People out of a people.npz, read back by independent forward kinematics and by a plain CSV reader."""

import csv
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from chromm_ros.apps.export import export
from chromm_ros.benchmarks.standin import standing
from chromm_ros.body.model import BodyModel
from chromm_ros.flow import Step
from chromm_ros.recording.exports import write_people
from chromm_ros.recording.motion import read_motions
from chromm_ros.settings import UsageError
from chromm_ros.skeleton import HEAD, JOINT_NAMES

BODY = BodyModel.load_proxy()
PERIOD = 100_000_000
BETAS = np.linspace(-1, 1, 10)


def human(identity, stamp, generator):
    """Somebody in any pose."""
    pose = Rotation.from_rotvec(0.4 * generator.standard_normal((52, 3))).as_matrix()
    root = Rotation.from_rotvec(generator.standard_normal(3)).as_matrix()
    arguments = [torch.tensor(array, dtype=torch.float32) for array in (BETAS, pose, root)]
    joints = BODY.joints(*arguments).numpy() + generator.uniform(-2, 2, 3)
    made = standing(identity, stamp)
    return replace(made, pose=pose, root_rotation=root, betas=BETAS, joints=joints, head=joints[HEAD])


@pytest.fixture
def people(tmp_path):
    """Two people at ten steps; the second is away for two of them."""
    generator = np.random.default_rng(0)
    steps = []
    for k in range(10):
        stamp = 10**18 + k * PERIOD
        ids = (3,) if k in (4, 5) else (3, 8)
        steps.append(Step(stamp, tuple(human(identity, stamp, generator) for identity in ids), ()))
    path = tmp_path / 'people.npz'
    write_people(path, steps, BODY)
    return path


def places_of(bvh: str):
    """(T, 55, 3) joints of a BVH file by name, by its own rules: offsets and z, x, y rotations down the tree."""
    head, motion = bvh.split('MOTION\n')
    rows = np.array([[float(value) for value in line.split()] for line in motion.splitlines()[2:]])
    names, parents, offsets, open_ones = [], [], [], []
    for line in head.splitlines():
        words = line.split()
        if words[0] in ('ROOT', 'JOINT'):
            parents.append(open_ones[-1] if open_ones else -1)
            names.append(words[1])
            open_ones.append(len(names) - 1)
        elif words[0] == 'End':
            open_ones.append(None)
        elif words[0] == 'OFFSET' and open_ones[-1] is not None:
            offsets.append([float(word) for word in words[1:]])
        elif words[0] == '}':
            open_ones.pop()
    places, turns = np.zeros((len(rows), len(names), 3)), np.zeros((len(rows), len(names), 3, 3))
    for joint, parent in enumerate(parents):
        own = Rotation.from_euler('ZXY', rows[:, 3 * joint + 3 : 3 * joint + 6], degrees=True).as_matrix()
        turns[:, joint] = own if parent < 0 else turns[:, parent] @ own
        places[:, joint] = rows[:, :3] if parent < 0 else places[:, parent] + turns[:, parent] @ offsets[joint]
    return places[:, [names.index(name) for name in JOINT_NAMES]]


def test_a_bvh_puts_every_joint_where_it_was(people, tmp_path):
    assert export(people, bvh=True, unit='m') == 0
    truth = np.load(people)
    places = places_of((tmp_path / 'person_3.bvh').read_text())
    x, y, z = np.moveaxis(truth['joints'][truth['id'] == 3], -1, 0)
    np.testing.assert_allclose(places, np.stack([x, z, -y], -1), atol=2e-3)


def test_steps_in_which_somebody_is_away_are_filled(people, tmp_path):
    export(people, bvh=True)
    text = (tmp_path / 'person_8.bvh').read_text()
    assert 'Frames: 10' in text
    assert 'Frame Time: 0.100000' in text
    assert np.abs(places_of(text)).max() > 100  # centimetres


def test_a_csv_has_a_row_per_person_and_step(people, tmp_path):
    export(tmp_path, csv=True, out=tmp_path / 'tables')  # the folder that holds people.npz
    with (tmp_path / 'tables' / 'people.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    truth = np.load(people)
    assert len(rows) == len(truth['id']) == 18
    assert [int(row['time_ns']) for row in rows] == sorted(truth['stamp'].tolist())
    last = np.flatnonzero(truth['id'] == 8)[-1]
    assert rows[-1]['state'] == 'tracked'
    found = [float(rows[-1][f'left_wrist_{axis}']) for axis in 'xyz']
    np.testing.assert_allclose(found, truth['joints'][last, JOINT_NAMES.index('left_wrist')], rtol=1e-4)


def test_what_is_there_is_not_written_over(people, tmp_path):
    export(people, csv=True)
    with pytest.raises(FileExistsError, match=r'people\.csv'):
        export(people, csv=True, bvh=True)
    assert not list(tmp_path.glob('*.bvh'))
    assert export(people, csv=True, overwrite=True) == 0


def test_nothing_to_write_is_wrong_use(people):
    with pytest.raises(UsageError, match='--bvh'):
        export(people)


@pytest.mark.parametrize('damage', ['cut', 'text', 'pickle', 'other', 'shape', 'nan', 'state', 'nobody', 'array'])
def test_a_file_that_is_no_people_npz_is_one_clear_line(people, damage):
    arrays = dict(np.load(people))
    if damage == 'cut':
        people.write_bytes(people.read_bytes()[:3000])
    elif damage == 'text':
        people.write_text('id,x,y\n')
    elif damage == 'array':
        with people.open('wb') as file:
            np.save(file, np.zeros(3))
    else:
        changes = {
            'pickle': {'id': np.array([print, 1], object)},
            'other': {'joints': None},
            'shape': {'joints': arrays['joints'][:, :24]},
            'nan': {'joints': np.where(arrays['joints'] > 0, np.nan, 0)},
            'state': {'state': np.full(18, 9)},
            'nobody': {name: array[:0] for name, array in arrays.items() if array.ndim},
        }[damage]
        kept = {name: array for name, array in {**arrays, **changes}.items() if array is not None}
        np.savez(people, **kept)
    with pytest.raises(ValueError, match=re.escape(str(people))):
        read_motions(people)


def test_the_names_of_the_joints_are_those_of_the_message():
    comment = (Path(__file__).parents[2] / 'msg' / 'Human.msg').read_text()
    named = dict(re.findall(r'(\d+) ([a-z]+_?[a-z_0-9]*)[,\n]', comment.split('# The joints:')[1].split('uint8')[0]))
    assert tuple(named[str(joint)] for joint in range(55)) == JOINT_NAMES
