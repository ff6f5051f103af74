import json

from chromm_ros.benchmarks import live


def test_both_ways_are_measured_stage_by_stage_and_the_obvious_one_is_more_work(tmp_path, capsys):
    output = tmp_path / 'live.json'
    assert live.bench_live(sets=2, views=2, width=320, height=240, json=output) == 0
    report = json.loads(output.read_text())
    stages = report['stages_ms']
    assert stages['obvious'].keys() == stages['here'].keys() >= {'resize', 'encode', 'decode', 'heads', 'people'}
    assert all(value > 0 for own in stages.values() for value in own.values())
    assert report['gflop']['obvious'] > 1.5 * report['gflop']['here']
    printed = capsys.readouterr().out
    assert 'ratio' in printed
    assert 'sets ^ exponent' in printed


def test_the_table_says_how_many_times_faster():
    lines = live.table({'obvious': {'a': 9.0, 'b': 3.0}, 'here': {'a': 3.0, 'b': 1.0}}).splitlines()
    assert [line.split() for line in lines[1:]] == [
        ['a', '9.0', '3.0', '3.00'],
        ['b', '3.0', '1.0', '3.00'],
        ['all', '12.0', '4.0', '3.00'],
    ]
