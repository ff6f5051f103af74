"""The scenes of BEDLAM, and the sequences that are broken."""

from __future__ import annotations

SCENES: dict[str, str] = {
    '20221010_3_1000_batch01hand': 'h',
    '20221010_3-10_500_batch01hand_zoom_suburb_d': '',
    '20221011_1_250_batch01hand_closeup_suburb_a': 'c',
    '20221011_1_250_batch01hand_closeup_suburb_b': 'c',
    '20221011_1_250_batch01hand_closeup_suburb_c': 'c',
    '20221011_1_250_batch01hand_closeup_suburb_d': 'c',
    '20221012_1_500_batch01hand_closeup_highSchoolGym': 'c',
    '20221012_3-10_500_batch01hand_zoom_highSchoolGym': '',
    '20221013_3-10_500_batch01hand_static_highSchoolGym': '',
    '20221013_3_250_batch01hand_static_bigOffice': '',
    '20221013_3_250_batch01hand_orbit_bigOffice': '',
    '20221014_3_250_batch01hand_orbit_archVizUI3_time15': '',
    '20221015_3_250_batch01hand_orbit_archVizUI3_time10': '',
    '20221015_3_250_batch01hand_orbit_archVizUI3_time12': '',
    '20221015_3_250_batch01hand_orbit_archVizUI3_time19': '',
    '20221017_3_1000_batch01hand': 'h',
    '20221018_1_250_batch01hand_zoom_suburb_b': 'v',
    '20221018_3-8_250_batch01hand': 'hv',
    '20221018_3_250_batch01hand_orbit_archVizUI3_time15': 'v',
    '20221018_3-8_250_batch01hand_pitchUp52_stadium': '',
    '20221018_3-8_250_batch01hand_pitchDown52_stadium': '',
    '20221019_3_250_highbmihand': 'h',
    '20221019_1_250_highbmihand_closeup_suburb_b': 'c',
    '20221019_1_250_highbmihand_closeup_suburb_c': 'c',
    '20221019_3-8_250_highbmihand_orbit_stadium': 'v',
    '20221019_3-8_1000_highbmihand_static_suburb_d': '',
    '20221020-3-8_250_highbmihand_zoom_highSchoolGym_a': '',
    '20221022_3_250_batch01handhair_static_bigOffice': '',
    '20221024_10_100_batch01handhair_zoom_suburb_d': '',
    '20221024_3-10_100_batch01handhair_static_highSchoolGym': '',
}
"""Scene, its marks: h sky dome (no scene depth), c closeup (stored lying), v validation."""

# fmt: off
BROKEN: dict[str, frozenset[int]] = {
    '20221010_3-10_500_batch01hand_zoom_suburb_d': frozenset((
        11, 12, 13, 23, 25, 29, 42, 44, 45, 59, 76, 80, 81, 82, 83, 84, 94, 97, 105, 114, 119, 122, 246,
        249, 251, 267, 268, 269, 283, 284, 287, 290, 293, 297, 308, 309, 311, 316, 326, 327, 332, 334, 348,
        352, 361, 368, 373, 383, 396, 419, 421, 425, 434,
    )),
    '20221024_10_100_batch01handhair_zoom_suburb_d': frozenset((
        59, 60, 64, 69, 71,
    )),
    '20221024_3-10_100_batch01handhair_static_highSchoolGym': frozenset((
        2, 4, 12, 13, 17, 24, 34, 43, 53, 61, 63, 77, 79, 82, 89, 95,
    )),
    '20221019_3-8_1000_highbmihand_static_suburb_d': frozenset((
        163, 177, 250, 251, 279, 283, 310, 317, 322, 324, 453, 752, 768, 779, 785, 794, 796, 800, 804, 811,
        817, 818, 827, 841, 842, 856, 889, 890, 900, 904, 907, 969, 978, 982,
    )),
    '20221013_3_250_batch01hand_orbit_bigOffice': frozenset((
        120, 122, 149, 161, 182, 189, 192, 193, 196, 207, 226,
    )),
    '20221019_3-8_250_highbmihand_orbit_stadium': frozenset((
        3, 7, 13, 16, 27, 31, 36, 38, 46, 62, 67, 76, 85, 91, 106,
    )),
    '20221013_3_250_batch01hand_static_bigOffice': frozenset((
        15, 38,
    )),
    '20221012_3-10_500_batch01hand_zoom_highSchoolGym': frozenset((
        79, 486,
    )),
    '20221014_3_250_batch01hand_orbit_archVizUI3_time15': frozenset((
        86, 95, 96,
    )),
}
# fmt: on
"""Scene -> numbers of the sequences that CUT3R and Human3R leave out as broken."""
