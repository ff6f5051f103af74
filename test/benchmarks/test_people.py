import json
import os

from chromm_ros.benchmarks import people


def test_the_report_has_the_two_sizes_and_stages_that_add_up(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(people, 'SIZES', ((2, 3, 2), (3, 3, 2)))
    monkeypatch.setattr(people, 'LIVE', ((2, 2),))
    monkeypatch.setattr(people, 'MIDDLE', (2, 3, 2))
    monkeypatch.setattr(people, 'GROWTH', {'views': (2, 3), 'steps': (2, 3), 'people': (1, 2)})
    cores = os.sched_getaffinity(0)
    assert people.bench_people(tmp_path / 'out' / 'people.json', repeats=1) == 0
    report = json.loads((tmp_path / 'out' / 'people.json').read_text())
    assert list(report) == ['2x3x2', '3x3x2', 'live 2x2']
    for name, entry in report.items():
        assert set(entry) == {'total_ms', 'stages_ms'}
        assert set(entry['stages_ms']) == ({'tracker', 'bodies'} if name.startswith('live') else set(people.STAGES))
        assert abs(sum(entry['stages_ms'].values()) - entry['total_ms']) < 0.01
        assert entry['total_ms'] > 0
    assert os.sched_getaffinity(0) == cores
    assert 'growth' in capsys.readouterr().out


def test_the_reported_sizes_are_those_of_the_paper_and_a_crowd():
    assert people.SIZES == ((4, 25, 3), (8, 25, 20))
    assert people.LIVE == ((4, 3), (8, 20))
