"""Pictures are dated by what their names or their cameras say; a lost one leaves a gap."""

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from recordings import shown, write_picture

from chromm_ros.recording.names import natural_order, timeline
from chromm_ros.recording.sources import open_source

SECOND = 1_000_000_000


def kind_and_times(names, rate=10.0):
    """The times [s] of one camera whose pictures have these names, relative to the first."""
    found = timeline({'a': [Path(name) for name in names]}, rate)
    stamps = np.array(found.stamps['a'])
    return found.kind, ((stamps - stamps.min()) / SECOND).round(6).tolist()


@pytest.mark.parametrize(
    'names',
    [
        ['1700000000123456789.png', '1700000000223456789.png', '1700000000523456789.png'],
        ['cam1_1700000000123456.jpg', 'cam1_1700000000223456.jpg', 'cam1_1700000000523456.jpg'],
        ['1700000000123.jpg', '1700000000223.jpg', '1700000000523.jpg'],
        ['1700000000.100.png', '1700000000.200.png', '1700000000.500.png'],
        ['1700000000_100000000.png', '1700000000_200000000.png', '1700000000_500000000.png'],
        ['1700000000-99000000.png', '1700000000-199000000.png', '1700000000-499000000.png'],
        ['left_1700000000_100.png', 'left_1700000000_200.png', 'left_1700000000_500.png'],
        ['2023-11-14_22-13-20.1.png', '2023-11-14_22-13-20.2.png', '2023-11-14_22-13-20.5.png'],
        ['PXL_20231114_221320100.jpg', 'PXL_20231114_221320200.jpg', 'PXL_20231114_221320500.jpg'],
        ['frame_12.10.png', 'frame_12.20.png', 'frame_12.50.png'],
        ['50033333333.png', '50133333333.png', '50433333334.png'],
    ],
)
def test_stamps_of_many_forms_are_read(names):
    kind, times = kind_and_times(names)
    assert kind == 'stamps'
    assert times == pytest.approx([0.0, 0.1, 0.4], abs=1e-6)


@pytest.mark.parametrize(
    'names',
    [
        ['1.png', '2.png', '5.png'],
        ['9.png', '10.png', '13.png'],
        ['frame_0001.png', 'frame_0002.png', 'frame_0005.png'],
        ['cam2_take7_0098.png', 'cam2_take7_0099.png', 'cam2_take7_0102.png'],
        ['00000010_left.png', '00000020_left.png', '00000050_left.png'],
        ['frame-1.2_0003.png', 'frame-1.2_0004.png', 'frame-1.2_0007.png'],
    ],
)
def test_numbers_are_frames_and_gaps_stay_gaps(names):
    kind, times = kind_and_times(names)
    assert kind == 'numbers'
    assert times == pytest.approx([0.0, 0.1, 0.4], abs=1e-6)


def test_natural_order_counts():
    names = ['img10.png', 'img9.png', 'img1.png', 'img100.png']
    ordered = sorted(map(Path, names), key=natural_order)
    assert [path.name for path in ordered] == ['img1.png', 'img9.png', 'img10.png', 'img100.png']


def folders(tmp_path, **numbers):
    """One folder per camera with a picture per number, whose level is the number of its moment."""
    for camera, own in numbers.items():
        for number, moment in own.items():
            write_picture(tmp_path / camera / f'{number}.png', 10 * moment)
    return [tmp_path / camera for camera in numbers]


def same_moments(source):
    sets = [one for one in source if len(one.views) == 2]
    return [(round(shown(one, 'left') / 10), round(shown(one, 'right') / 10)) for one in sets]


def test_a_lost_picture_does_not_shift_the_rest(tmp_path):
    left = {f'{n:04}': n for n in range(12)}
    right = {f'{n:04}': n for n in range(12) if n not in (3, 4, 8)}
    source = open_source(folders(tmp_path, left=left, right=right))
    assert same_moments(source) == [(n, n) for n in range(12) if n not in (3, 4, 8)]


def test_lost_first_pictures_do_not_shift_the_rest(tmp_path):
    left = {f'{n}': n for n in range(12)}
    right = {f'{n}': n for n in range(2, 12)}
    assert same_moments(open_source(folders(tmp_path, left=left, right=right))) == [(n, n) for n in range(2, 12)]


def test_cameras_that_number_from_zero_and_from_one_are_paired_and_this_is_said(tmp_path):
    left = {f'{n}': n for n in range(9)}
    right = {f'{n + 1}': n for n in range(9)}
    source = open_source(folders(tmp_path, left=left, right=right))
    assert same_moments(source) == [(n, n) for n in range(9)]
    assert any('first numbers are paired' in note for note in source.notes)


def test_stamps_pair_cameras_of_different_rates(tmp_path):
    left = {f'{1700000000000 + 100 * n}': n for n in range(10)}
    right = {f'{1700000000030 + 200 * n}': 2 * n for n in range(5)}
    assert same_moments(open_source(folders(tmp_path, left=left, right=right))) == [(2 * n, 2 * n) for n in range(5)]


def test_numbers_without_anything_in_common_are_paired_in_order_and_this_is_said(tmp_path):
    left = {f'IMG_{12 + n}': n for n in range(4)}
    right = {f'DSC_{8831 + 3 * n}': n for n in range(4)}
    source = open_source(folders(tmp_path, left=left, right=right))
    assert same_moments(source) == [(n, n) for n in range(4)]
    assert any('n-th pictures' in note for note in source.notes)


def test_photos_of_two_phones_are_paired_by_exif_times(tmp_path):
    for camera, first, moments in (('left', 12, range(5)), ('right', 14, (0, 1, 3, 4))):
        for index, moment in enumerate(moments):
            path = tmp_path / camera / f'IMG_{first + index:04}.jpg'
            path.parent.mkdir(exist_ok=True)
            picture = PIL.Image.fromarray(np.full((48, 64, 3), 10 * moment, np.uint8))
            exif = PIL.Image.Exif()
            about = exif.get_ifd(0x8769)
            about[36867], about[37521] = f'2023:11:14 22:13:{20 + moment:02}', '250'
            picture.save(path, exif=exif, quality=95)
    source = open_source([tmp_path / 'left', tmp_path / 'right'])
    assert same_moments(source) == [(n, n) for n in (0, 1, 3, 4)]
    assert 'EXIF' in ' '.join(source.notes)


def photos(folder, times, tags, first=0):
    """JPEG files with these EXIF tags; ``tags`` takes the moment."""
    folder.mkdir()
    for index, moment in enumerate(times):
        exif = PIL.Image.Exif()
        about = exif.get_ifd(0x8769)
        for tag, value in tags(moment).items():
            (exif if tag == 306 else about)[tag] = value
        pixels = np.full((48, 64, 3), 10 * moment, np.uint8)
        PIL.Image.fromarray(pixels).save(folder / f'IMG_{first + index:04}.jpg', exif=exif, quality=95)
    return folder


EXIF_FORMS = {
    'original': lambda moment: {36867: f'2023:11:14 22:13:{20 + moment:02}', 37521: '5'},
    'digitised': lambda moment: {36868: f'2023:11:14 22:13:{20 + moment:02}', 37522: '5'},
    'file': lambda moment: {306: f'2023:11:14 22:13:{20 + moment:02}', 37520: '5'},
    'whole seconds': lambda moment: {306: f'2023:11:14 22:13:{20 + moment:02}'},
    'other zone': lambda moment: {36867: f'2023:11:14 23:13:{20 + moment:02}', 37521: '5', 36881: '+01:00'},
    'unset first': lambda moment: {36867: '0000:00:00 00:00:00', 36868: f'2023:11:14 22:13:{20 + moment:02}'},
}


@pytest.mark.parametrize('form', EXIF_FORMS)
def test_exif_times_of_many_forms_pair_photos(tmp_path, form):
    utc = lambda moment: {**EXIF_FORMS[form](moment), **({} if form == 'other zone' else {36881: '+00:00'})}  # noqa: E731
    left = photos(tmp_path / 'left', range(6), utc)
    zoned = EXIF_FORMS['original'] if form == 'other zone' else EXIF_FORMS[form]
    right = photos(tmp_path / 'right', (0, 1, 4, 5), zoned, first=70)
    assert same_moments(open_source([left, right])) == [(n, n) for n in (0, 1, 4, 5)]


@pytest.mark.parametrize('name', ['{:c}.png', 'take{0}_{1:03}.png', 'photo ({0}).png', 'Bild – {0} é.png'])
def test_pictures_of_the_same_name_belong_together(tmp_path, name):
    def named(moment):
        if name.startswith('{:c}'):
            return name.format(97 + moment)
        if name.startswith('take'):
            return name.format(moment // 3, moment % 3)
        return name.format(moment) if moment or not name.startswith('photo') else 'photo.png'

    for camera, own in (('left', range(9)), ('right', (0, 1, 4, 5, 7, 8))):
        for moment in own:
            write_picture(tmp_path / camera / named(moment), 10 * moment)
    source = open_source([tmp_path / 'left', tmp_path / 'right'])
    assert same_moments(source) == [(n, n) for n in (0, 1, 4, 5, 7, 8)]
    assert not any('n-th pictures' in note for note in source.notes)


def test_a_picture_in_two_formats_counts_once(tmp_path):
    paths = folders(tmp_path, left={f'{n}': n for n in range(6)}, right={f'{n}': n for n in (0, 1, 4, 5)})
    for n in range(6):
        write_picture(tmp_path / 'left' / f'{n}.BMP', 10 * n)
    source = open_source(paths)
    assert same_moments(source) == [(n, n) for n in (0, 1, 4, 5)]
    assert source.dropped['doubled_file'] == 6


@pytest.mark.parametrize('apart', [3600, 86_400, 10**8])
def test_clocks_with_nothing_in_common_begin_together_and_this_is_said(tmp_path, apart):
    left = {f'{1700000000000 + 100 * n}': n for n in range(6)}
    right = {f'{1700000000000 + 1000 * apart + 100 * n}': n for n in (0, 1, 4, 5)}
    source = open_source(folders(tmp_path, left=left, right=right))
    assert same_moments(source) == [(n, n) for n in (0, 1, 4, 5)]
    assert any('nothing in common' in note for note in source.notes)


def test_photos_of_one_instant_are_nothing_to_talk_about(tmp_path):
    source = open_source([write_picture(tmp_path / f'{name}.png', 50) for name in 'ab'])
    assert len(list(source)) == 1
    assert not source.notes


def test_pictures_of_phones_are_turned_upright(tmp_path):
    picture = PIL.Image.fromarray(np.full((48, 64, 3), 50, np.uint8))
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    (tmp_path / 'a').mkdir()
    picture.save(tmp_path / 'a' / '1.jpg', exif=exif)
    (image_set,) = open_source([tmp_path / 'a'])
    assert image_set.views['a'].pixels.shape == (64, 48, 3)


def test_damaged_pictures_and_hidden_files_are_counted_and_left_out(tmp_path):
    paths = folders(tmp_path, left={f'{n}': n for n in range(8)}, right={f'{n}': n for n in range(8)})
    (tmp_path / 'left' / '3.png').write_bytes(b'')
    (tmp_path / 'left' / '4.png').write_bytes(b'no picture')
    (tmp_path / 'right' / '5.png').write_bytes((tmp_path / 'right' / '5.png').read_bytes()[:30])
    (tmp_path / 'left' / '._1.png').write_bytes(b'junk of a Mac')
    source = open_source(paths)
    assert same_moments(source) == [(n, n) for n in (0, 1, 2, 6, 7)]
    assert source.dropped['hidden_file'] == 1
    assert source.dropped['truncated'] + source.dropped['undecodable'] == 3
    assert any(note.startswith('left: ') and '2 images lost' in note for note in source.notes)


def test_a_time_lapse_of_slow_cameras_pairs_every_picture(tmp_path):
    left = {f'{1700000000 + 10 * n}': n for n in range(6)}
    right = {f'{1700000000 + 10 * n}': n for n in range(6) if n != 3}
    assert same_moments(open_source(folders(tmp_path, left=left, right=right))) == [(n, n) for n in (0, 1, 2, 4, 5)]
