"""The numbers of the paper's tables, to be printed beside one's own (CHROMM, arXiv version, Tables 1 to 10)."""

from __future__ import annotations

Row = dict[str, float]


def _motion(wa: float, w: float, rte: float) -> Row:
    return {'wa_mpjpe': wa, 'w_mpjpe': w, 'rte': rte}


def _instants(w: float, ga: float | None, pa: float) -> Row:
    return {'w_mpjpe_cameras': w, 'pa_mpjpe': pa} | ({} if ga is None else {'ga_mpjpe': ga})


def _cameras(te: float, s_te: float, ae: float) -> Row:
    """Of HAMSt3R's tables; CHROMM's have none."""
    return {'te': te, 's_te': s_te, 'ae': ae}


def _association(accuracy: float, precision: float, recall: float) -> Row:
    return {'accuracy': accuracy, 'precision': precision, 'recall': recall}


EMDB = {
    'JOSH3R': _motion(220.0, 661.7, 13.1),
    'UniSH': _motion(118.5, 270.1, 5.8),
    'Human3R': _motion(112.2, 267.9, 2.2),
    'CHROMM': _motion(102.6, 255.0, 1.7),
}

RICH_MONO = {
    'UniSH': _motion(118.1, 183.2, 4.8),
    'Human3R': _motion(110.0, 184.9, 3.3),
    'CHROMM mono': _motion(87.5, 138.3, 3.3),
}

RICH_MULTI = {'CHROMM multi': _motion(53.1, 79.0, 1.4)}

EGOHUMANS = {
    'HSfM (init.)': _instants(4.28, 0.51, 0.06),
    'HSfM': _instants(1.04, 0.21, 0.05) | _cameras(2.09, 0.75, 9.35),
    'HAMSt3R': _instants(3.80, 0.42, 0.14) | _cameras(2.33, 0.40, 10.24),
    'CHROMM': _instants(0.51, 0.15, 0.05),
}

EGOEXO4D = {
    'HSfM (init.)': _instants(5.29, None, 0.07),
    'HSfM': _instants(0.56, None, 0.06) | _cameras(0.95, 0.36, 11.57),
    'HAMSt3R': _instants(0.51, None, 0.09) | _cameras(0.60, 0.15, 2.85),
    'CHROMM': _instants(0.26, None, 0.06),
}

ASSOCIATION = {
    'pose': _association(70.6, 48.5, 86.0),
    'position': _association(91.1, 91.0, 75.7),
    'combined': _association(91.3, 90.9, 76.6),
}

PELVIS = {'CHROMM': {'pelvis_coarse': 0.0373, 'pelvis': 0.0351}}

PROX = {
    'CHROMM early fusion': {'absrel': 0.0865, 'delta': 0.9029},
    'CHROMM late fusion': {'absrel': 0.0857, 'delta': 0.9059},
}

SCALE = {'without scale adjustment': _motion(169.7, 447.9, 4.2), 'with scale adjustment': _motion(102.6, 255.0, 1.7)}

FUSION = {
    'average': _motion(69.3, 105.7, 1.7),
    'max-pooling, triangulation': _motion(63.2, 90.1, 1.3),
    'average, triangulation': _motion(53.1, 79.0, 1.4),
}

TRANSLATION = {
    'direct translation': _motion(196.4, 583.3, 5.2),
    'direct depth': _motion(133.8, 337.4, 2.2),
    'depth residual': _motion(107.5, 265.9, 1.7),
}

STAGES = {'stage 1': _motion(107.5, 265.9, 1.7), 'both stages': _motion(102.6, 255.0, 1.7)}
