import dataclasses
import math

import pytest

from chromm_ros.body.model import BodyModel
from chromm_ros.evaluation import ablation
from chromm_ros.evaluation.ablation import TABLES, Variant


@pytest.fixture(scope='module')
def body():
    return BodyModel.load()


@pytest.mark.parametrize('table', TABLES, ids=[table.title for table in TABLES])
def test_every_table_scores_every_variant(table, body):
    results = ablation.run_table(table, range(1), (16, 2), body)
    assert len(results) == len(table.variants)
    for name, better, worse in table.orders:
        assert all(math.isfinite(scene[name]) for row in (better, worse) for scene in results[row])
    text = ablation.markdown(table, results)
    assert all(f'| {variant.name} |' in text for variant in table.variants)


def test_the_best_is_bold_and_an_order_that_fails_says_so():
    table = dataclasses.replace(
        TABLES[0], variants=(Variant('old'), Variant('new')), orders=(('error', 1, 0), ('F1 %', 1, 0))
    )
    results = [[{'error': 2.0, 'F1 %': 50.0}], [{'error': 3.0, 'F1 %': 60.0}]]
    text = ablation.markdown(table, results)
    assert '| old | **2.0** | 50.0 |' in text
    assert '| new | 3.0 | **60.0** |' in text
    assert 'error: “new” better than “old”: DOES NOT HOLD (better in 0, worse in 1 of 1 scenes)' in text
    assert 'F1 %: “new” better than “old”: holds' in text


def test_the_report_says_how_to_repeat_it(tmp_path, monkeypatch):
    monkeypatch.setattr(ablation, 'TABLES', TABLES[3:4])
    path = tmp_path / 'docs' / 'ablation.md'
    ablation.write_ablation(path, range(4, 5), (6, 2), 'chromm evaluate ablation --seed 4')
    text = path.read_text()
    assert '`chromm evaluate ablation --seed 4`' in text
    assert 'seeds 4 to 4' in text
    assert TABLES[3].title in text
