"""What each of ``chromm evaluate emdb|rich|egohumans|egoexo4d|3dpw|prox`` is told besides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from chromm_ros.body.library import BodyLibrary
from chromm_ros.evaluation.protocols.benchmark import Benchmark
from chromm_ros.evaluation.protocols.evaluation import Evaluation, InstantEvaluation, MotionEvaluation
from chromm_ros.evaluation.protocols.pass_settings import PassSettings
from chromm_ros.evaluation.protocols.runner import Predictor
from chromm_ros.evaluation.protocols.single_pass import SinglePass


@dataclass(kw_only=True)
class EmdbEvaluation(MotionEvaluation):
    """EMDB-2 (Table 1): W-MPJPE, WA-MPJPE, RTE."""

    def benchmark(self, bodies: BodyLibrary) -> Benchmark:
        from chromm_ros.datasets.emdb import Emdb
        from chromm_ros.evaluation.protocols.emdb import emdb

        return emdb(Emdb(self.data, bodies), self.joints, self.segment)


@dataclass(kw_only=True)
class RichEvaluation(MotionEvaluation):
    """RICH (Table 1): W-MPJPE, WA-MPJPE, RTE."""

    views: Literal['mono', 'all'] = 'mono'
    """Every camera as a video of its own, or all cameras of a sequence together."""
    two_people: bool = False
    """Keep the sequence with two people, which others leave out."""

    def benchmark(self, bodies: BodyLibrary) -> Benchmark:
        from chromm_ros.datasets.rich import Rich
        from chromm_ros.evaluation.protocols.rich import rich

        return rich(Rich(self.data, bodies, self.views, self.two_people), self.joints, self.segment)

    @property
    def paper_chunk(self) -> int:
        return 100 if self.views == 'mono' else 25


@dataclass(kw_only=True)
class EgoHumansEvaluation(InstantEvaluation):
    """EgoHumans (Tables 2 and 6): W-MPJPE†, GA-MPJPE, PA-MPJPE, re-identification."""

    cameras: Literal['4', '2', '8', 'all'] = '4'
    """HSfM's sets of cameras; the paper's tables have 4."""
    stride: int = 10
    """Every how many frames an instant is taken."""
    fewer_views: bool = False
    """Keep sequences that lack a camera of the set."""
    association: bool = True
    """Score the re-identification over the views."""

    def benchmark(self, bodies: BodyLibrary) -> Benchmark:
        from chromm_ros.datasets.egohumans import EgoHumans
        from chromm_ros.evaluation.protocols.egohumans import egohumans

        missing = 'fewer' if self.fewer_views else 'skip'
        dataset = EgoHumans(
            self.data, bodies, self.cameras, self.stride, not self.distorted, missing, self.listed_frames()
        )
        return egohumans(dataset, self.joints, self.association, self.camera_errors)

    def method(self) -> PassSettings:
        return replace(super().method(), compare_associations=self.association)


@dataclass(kw_only=True)
class EgoExo4DEvaluation(InstantEvaluation):
    """Ego-Exo4D (Table 2): W-MPJPE†, PA-MPJPE."""

    labels: Literal['annotation', 'automatic'] = 'annotation'
    """Key points marked by hand or by a network."""
    seen_by: int = 1
    """Views that a joint must have been triangulated from."""

    layout: ClassVar[str] = 'coco17'

    def benchmark(self, bodies: BodyLibrary) -> Benchmark:
        from chromm_ros.datasets.egoexo4d import EgoExo4D
        from chromm_ros.evaluation.protocols.egoexo4d import egoexo4d

        dataset = EgoExo4D(self.data, bodies, self.listed_frames(), self.labels, not self.distorted, self.seen_by)
        return egoexo4d(dataset, self.camera_errors)


@dataclass(kw_only=True)
class ProxEvaluation(Evaluation):
    """PROX (Table 9): AbsRel and the share of pixels right within a quarter."""

    part: Literal['qualitative', 'quantitative'] = 'qualitative'
    """Which part of PROX the folder holds."""
    every: int = 100
    """One image is taken of every so many."""
    scale: Literal['median', 'lsq'] = 'median'
    """Depths are scaled by the ratio of the medians, or by least squares."""
    undistort: bool = False
    """Feed images as a pinhole camera would give them."""

    pixels: ClassVar[str] = 'depth'

    def benchmark(self, bodies: BodyLibrary) -> Benchmark:
        from chromm_ros.datasets.prox import Prox
        from chromm_ros.evaluation.protocols.prox import prox

        return prox(Prox(self.data, bodies, self.every, self.undistort), self.part, self.scale)

    def network_predictor(self, single_pass: SinglePass, about: str) -> Predictor:
        from chromm_ros.evaluation.protocols.network_predictors import DepthPredictor

        return DepthPredictor(single_pass, f'{about}{", undistorted" if self.undistort else ""}')


@dataclass(kw_only=True)
class ThreeDpwEvaluation(Evaluation):
    """3DPW test (Table 8): the pelvis before and after its refinement."""

    truth: Literal['auto', 'neuralannot', '3dpw'] = 'auto'
    """Fits of NeuralAnnot, as in the paper, or 3DPW's own; auto: NeuralAnnot's where the folder has them."""
    stride: int = 1
    """One of every so many images."""

    pixels: ClassVar[str] = 'pelvis'

    def benchmark(self, bodies: BodyLibrary) -> Benchmark:
        from chromm_ros.datasets.threedpw import ThreeDpw
        from chromm_ros.evaluation.protocols.threedpw import threedpw

        return threedpw(ThreeDpw(self.data, bodies, self.truth), self.stride)

    def network_predictor(self, single_pass: SinglePass, about: str) -> Predictor:
        from chromm_ros.evaluation.protocols.network_predictors import PelvisPredictor

        return PelvisPredictor(single_pass, about)
