from __future__ import annotations

from pathlib import Path

import pytest
from fake_bedlam import fake_bedlam
from fake_egoexo4d import fake_egoexo4d
from fake_egohumans import fake_egohumans
from fake_emdb import fake_emdb
from fake_images import fake_3dpw, fake_single_images
from fake_prox import fake_prox
from fake_rich import fake_rich

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets import bedlam_files
from chromm_ros.datasets.commands import check
from chromm_ros.datasets.registry import PLACES, open_dataset, split_kind

MAKERS = {
    'bedlam': lambda folder, bodies: fake_bedlam(folder, bodies, images=2),
    'mpii': lambda folder, bodies: fake_single_images(folder, bodies, 'mpii'),
    'coco': lambda folder, bodies: fake_single_images(folder, bodies, 'coco'),
    'prox': lambda folder, bodies: fake_prox(folder),
    '3dpw': fake_3dpw,
    'egoexo4d': fake_egoexo4d,
    'egohumans': fake_egohumans,
    'emdb': fake_emdb,
    'rich': fake_rich,
}


@pytest.mark.parametrize('kind', PLACES)
def test_every_kind_tells_what_it_found(
    tmp_path: Path, bodies: BodyLibrary, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    MAKERS[kind](tmp_path, bodies)
    before = sorted(str(path) for path in tmp_path.rglob('*'))
    status = check((f'{kind}:{tmp_path}',), bodies=bodies.folder)
    printed = capsys.readouterr().out
    # small copies of EMDB lack 22 of its 25 sequences; the others hold all that their lists name
    assert status == (kind == 'emdb'), printed
    assert f'\n{kind}:{tmp_path}\n  licence  ' in printed
    assert 'smplx neutral: ' in printed
    assert '  found    ' in printed
    assert sorted(str(path) for path in tmp_path.rglob('*')) == before, 'nothing is written beside the data'


def test_interfaces_are_complete(tmp_path: Path, bodies: BodyLibrary) -> None:
    for kind, make in MAKERS.items():
        folder = tmp_path / kind
        folder.mkdir()
        make(folder, bodies)
        dataset = open_dataset(kind, folder, bodies)
        assert dataset.name == kind
        sequences = dataset.sequences()
        assert sequences
        assert len({sequence.name for sequence in sequences}) == len(sequences)
        for sequence in sequences:
            assert len(sequence) > 0
            instant = sequence.instant(len(sequence) - 1)
            for view in instant.views:
                assert view.image().shape == (*view.lens.size[::-1], 3)
                assert Path(view.source.split(',')[0]).is_file()


def test_wrong_folders_and_kinds_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / 'holiday').mkdir()
    for kind in PLACES:
        assert check((f'{kind}:{tmp_path}',)) == 1
        assert check((f'{kind}:{tmp_path / "nowhere"}',)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert sum('missing' in line for line in lines) == 2 * len(PLACES)
    assert all(str(tmp_path) in line for line in lines)
    for argument in ('emdb', 'emdb:', 'other:/data', str(tmp_path)):
        with pytest.raises(ValueError, match='expected KIND:DIR'):
            split_kind(argument)
    with pytest.raises(ValueError, match='no data set was named'):
        check(())


@pytest.mark.parametrize(
    ('kind', 'pattern', 'content', 'words'),
    [
        ('bedlam', '*/depth/*/*_0000_depth.exr', b'cut off', 'no EXR file'),
        ('bedlam', '*/ground_truth/camera/*.csv', b'name,x\n', 'has no column'),
        ('coco', 'train2017/*1.jpg', b'', 'no picture'),
        ('prox', 'recordings/*/Depth/*00000*.png', b'', 'no picture'),
        ('egoexo4d', 'takes/*/frame_aligned_videos/cam01.mp4', b'no video', 'no video'),
        ('egohumans', '*/*/processed_data/smpl/00011.npy', b'cos\nsystem\n', 'no .npy file'),
        ('rich', 'bodies/test/Gym_011_pushup1/00010/011.pkl', b'cos\nsystem\n(S"false"\ntR.', 'refused to read'),
        ('3dpw', '3DPW_test_SMPLX_NeuralAnnot.json', b'{', 'no complete JSON'),
        ('mpii', 'annotations/MPII_train_SMPLX_NeuralAnnot.json', b'{}', 'parameters of none'),
        ('emdb', 'P0/*/*_data.pkl', b'cos\nsystem\n(S"false"\ntR.', 'refused to read'),
    ],
)
def test_broken_files_are_named(
    tmp_path: Path, bodies: BodyLibrary, kind: str, pattern: str, content: bytes, words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    MAKERS[kind](tmp_path, bodies)
    file = sorted(tmp_path.glob(pattern))[0]
    file.unlink()
    file.write_bytes(content)
    bedlam_files.camera_rows.cache_clear()
    assert check((f'{kind}:{tmp_path}',), bodies=bodies.folder, all=True) == 1
    named = [line for line in capsys.readouterr().out.splitlines() if 'missing' in line and words in line]
    assert named
    assert file.name in named[0]
