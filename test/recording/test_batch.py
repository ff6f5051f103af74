import json
import os

import pytest

from chromm_ros.recording.batch import read_jobs, run_here, run_on_ray


def jobs(*names):
    return [{'inputs': [name], 'out': name} for name in names]


def write(path, content):
    path.write_text(json.dumps(content))
    return path


def test_a_failed_job_is_tried_again_and_does_not_end_the_others():
    calls = []

    def work(job):
        calls.append(job['out'])
        if job['out'] == 'bad' or (job['out'] == 'shaky' and calls.count('shaky') == 1):
            raise RuntimeError('no luck')

    good, shaky, bad, last = run_here(jobs('good', 'shaky', 'bad', 'last'), work, retries=1)
    assert (good.tries, good.error) == (1, None)
    assert (shaky.tries, shaky.error) == (2, None)
    assert (bad.tries, bad.error) == (2, 'RuntimeError: no luck')
    assert last.error is None


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        ({'inputs': []}, 'must hold a list'),
        ([{'inputs': ['a']}], 'job 0 needs'),
        ([{'inputs': [3], 'out': 'a'}], 'a list of paths'),
        ([*jobs('a'), *jobs('a')], 'same folder'),
    ],
)
def test_bad_job_files_are_refused(tmp_path, content, words):
    with pytest.raises(ValueError, match=words):
        read_jobs(write(tmp_path / 'jobs.json', content))


def test_a_missing_job_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere'):
        read_jobs(tmp_path / 'nowhere.json')


@pytest.mark.slow
@pytest.mark.serial
def test_ray_runs_jobs_on_two_workers_and_retries_the_failed(tmp_path):
    def work(job):
        marks = job['inputs'][0]
        with open(f'{marks}/{job["out"]}.{os.getpid()}.{os.urandom(4).hex()}', 'w'):
            tries = sum(name.startswith(f'{job["out"]}.') for name in os.listdir(marks))
        if job['out'] == 'bad' or (job['out'] == 'shaky' and tries == 1):
            raise RuntimeError('no luck')
        if job['out'].startswith('pair'):  # both of the pair run at the same time, or neither ends
            while not all(any(name.startswith(other) for name in os.listdir(marks)) for other in ('pair0', 'pair1')):
                pass

    work.__module__ = '__main__'  # sent to the workers by value: they cannot import a test
    listed = [{'inputs': [str(tmp_path)], 'out': name} for name in ('pair0', 'pair1', 'shaky', 'bad')]
    outcomes = run_on_ray(listed, work, retries=1, address='local', workers=2)
    assert [outcome.tries for outcome in outcomes] == [1, 1, 2, 2]
    assert [outcome.error is None for outcome in outcomes] == [True, True, True, False]
    assert 'no luck' in outcomes[3].error
