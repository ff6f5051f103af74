"""The test list of RICH: which cameras of which sequences were released for testing, and the frames of their images.

The facts are those of the toolkit's ``resource/meta/test.txt`` and of the frame ranges that GVHMR lists; a
``test.txt`` in the folder of the data set takes the place of this table.
"""

from __future__ import annotations

from pathlib import Path

from chromm_ros.datasets.files import read_csv

TWO_PEOPLE = 'LectureHall_009_021_reparingprojector1'
"""The one sequence of two people; WHAM and GVHMR leave it out."""

MALE = frozenset((*range(9), 11, 14, 15, 20))
"""Subjects whose body model is the male one; the others' is the female one."""

Listed = tuple[tuple[int, ...], tuple[int, int] | None]
"""Cameras, and the first and last frame with an image (None: no images were published)."""

# fmt: off
TEST: dict[str, Listed] = {
    'ParkingLot2_017_burpeejump2': ((0, 2, 3), (118, 612)),
    'Gym_010_mountainclimber1': ((3, 4, 5, 6), None),
    'ParkingLot2_017_burpeejump1': ((0, 1, 5), (40, 817)),
    'Gym_010_mountainclimber2': ((3, 4, 5, 6), (1, 471)),
    'ParkingLot2_017_overfence1': ((0, 3, 4), (110, 661)),
    'Gym_013_dips1': ((0, 3, 4, 5), (1, 503)),
    'ParkingLot2_017_overfence2': ((0, 1, 4), (90, 944)),
    'Gym_013_dips2': ((1, 2, 4, 5), (1, 333)),
    'ParkingLot2_017_eating1': ((0, 2, 4), (97, 895)),
    'Gym_013_dips3': ((1, 2, 4, 5), (1, 502)),
    'ParkingLot2_017_pushup1': ((0, 1, 4, 5), (191, 719)),
    'Gym_013_lunge1': ((1, 4, 5, 6), (1, 690)),
    'ParkingLot2_017_pushup2': ((0, 4, 5), (74, 811)),
    'Gym_013_lunge2': ((0, 4, 5, 6), (1, 834)),
    'ParkingLot2_009_burpeejump1': ((0, 1, 2, 3), (200, 1085)),
    'Gym_013_pushup1': ((0, 3, 4, 5), (1, 861)),
    'ParkingLot2_009_burpeejump2': ((0, 2, 3, 4), (150, 399)),
    'Gym_013_pushup2': ((1, 2, 4, 5), (1, 477)),
    'ParkingLot2_009_overfence1': ((0, 3, 4, 5), (140, 601)),
    'Gym_013_burpee4': ((0, 4, 5, 6), (1, 320)),
    'ParkingLot2_009_overfence2': ((0, 1, 4, 5), (150, 559)),
    'Gym_010_lunge1': ((1, 4, 5, 6), (1, 337)),
    'LectureHall_009_sidebalancerun1': ((0, 1, 4, 5), (1, 673)),
    'Gym_010_lunge2': ((0, 2, 4, 5), (1, 312)),
    'LectureHall_010_plankjack1': ((0, 2, 4, 6), (1, 532)),
    'Gym_010_dips1': ((0, 4, 5, 6), (1, 572)),
    'LectureHall_010_sidebalancerun1': ((0, 1, 2, 4), (1, 919)),
    'Gym_010_dips2': ((1, 2, 4, 5), (1, 603)),
    'LectureHall_021_plankjack1': ((0, 3, 5, 6), (1, 507)),
    'Gym_010_cooking1': ((1, 3, 4, 5), (1, 779)),
    'LectureHall_021_sidebalancerun1': ((0, 4, 5, 6), (1, 855)),
    'Gym_011_cooking1': ((4, 5, 6), (1, 1141)),
    'LectureHall_019_wipingchairs1': ((0, 1, 2, 3), (1, 978)),
    'Gym_011_cooking2': ((2, 4, 5), (1, 1145)),
    'LectureHall_009_021_reparingprojector1': ((0, 3, 4, 5), (1, 499)),
    'Gym_011_dips1': ((1, 3, 4, 5), (1, 494)),
    'ParkingLot2_009_spray1': ((0, 1, 2, 3), (145, 1242)),
    'Gym_011_dips4': ((0, 2, 4, 5), (1, 495)),
    'ParkingLot2_009_impro1': ((0, 2, 3, 4), (100, 990)),
    'Gym_011_dips3': ((0, 3, 4, 5), (1, 320)),
    'ParkingLot2_009_impro2': ((0, 3, 4, 5), (100, 1140)),
    'Gym_011_dips2': ((1, 3, 4, 5), (1, 382)),
    'ParkingLot2_009_impro5': ((0, 2, 4, 5), (100, 649)),
    'Gym_012_lunge1': ((0, 3, 4, 5), (1, 225)),
    'Gym_010_pushup1': ((3, 4, 5, 6), (1, 475)),
    'Gym_012_lunge2': ((0, 4, 5, 6), (1, 318)),
    'Gym_010_pushup2': ((2, 3, 4, 5), (1, 407)),
    'Gym_012_cooking2': ((3, 4, 5), (1, 993)),
    'Gym_011_pushup1': ((2, 3, 4, 5), (1, 346)),
    'Gym_011_pushup2': ((2, 3, 4, 5), (1, 540)),
    'Gym_011_burpee2': ((2, 3, 4, 5), (1, 479)),
    'Gym_012_pushup2': ((3, 4, 5, 6), (1, 291)),}
# fmt: on
"""Sequence -> cameras and frames; 52 sequences."""


def test_list(folder: Path) -> dict[str, Listed]:
    """The table, or what a ``test.txt`` in the folder says instead.

    Raises:
        ValueError: that file is not the toolkit's.
    """
    for file in (folder / 'test.txt', folder / 'resource' / 'meta' / 'test.txt'):
        if not file.is_file():
            continue
        listed: dict[str, Listed] = {}
        for row in read_csv(file, ('sequence_name', 'view_id'), delimiter='\t'):
            try:
                cameras = tuple(int(number) for number in row['view_id'].replace(' ', '').split(',') if number)
            except ValueError as error:
                raise ValueError(f'{file}: view_id {row["view_id"]!r} is no list of camera numbers') from error
            # frames are what the folder holds: the file says nothing about them
            listed[row['sequence_name']] = (cameras, (0, 99999))
        return listed
    return TEST
