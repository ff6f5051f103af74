import json

from chromm_ros.benchmarks import resume


def test_a_short_recording_is_saved_and_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(resume, 'PICTURES', 4)
    resume.bench_resume(minutes=0.125, rate=4.0, views=2, people=1, json=tmp_path / 'resume.json')
    numbers = json.loads((tmp_path / 'resume.json').read_text())
    assert 0 < numbers['saving'] < numbers['seconds']
    assert numbers['bytes'][-1][0] == 28
    assert numbers['bytes'][-1][1] > 10_000
    assert 'saving' in capsys.readouterr().out
