"""What all ``chromm evaluate`` on data sets are told, and what they do with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from chromm_ros.body.library import BodyLibrary
from chromm_ros.evaluation.protocols.benchmark import Benchmark
from chromm_ros.evaluation.protocols.oracle import OraclePredictor
from chromm_ros.evaluation.protocols.pass_settings import PassSettings, with_words
from chromm_ros.evaluation.protocols.pictures import Painter
from chromm_ros.evaluation.protocols.report import summary, table, write_json
from chromm_ros.evaluation.protocols.runner import FilePredictor, Parts, Predictor, run
from chromm_ros.evaluation.protocols.sets import chosen, read_frames
from chromm_ros.evaluation.protocols.single_pass import SinglePass
from chromm_ros.settings import UsageError


@dataclass(kw_only=True)
class Evaluation:
    """What all evaluations on a data set have in common."""

    data: Path
    """Folder of the data set, as downloaded."""
    json: Path | None = None
    """File for the numbers; the estimates of each clip are kept in FILE.parts."""
    resume: bool = False
    """Take the estimates that an earlier run of the same command kept."""
    predictions: Path | None = None
    """Score the estimates in this folder (an NPZ file per clip, docs/benchmarks.md) instead of a network's."""
    oracle: str = ''
    """Score the truth itself after a known change (identity, shift=0.1, ...), to see whether everything is read."""
    bodies: Path | None = None
    """Folder with SMPL and SMPL-X files, smplx2smpl, J_regressor; without it nothing compares with the paper."""
    joints: Literal['smpl24', 'body22'] = 'smpl24'
    """Joints that are compared, where both sides have them."""
    sequences: str = '*'
    """Only clips whose name fits this pattern."""
    limit: int = 0
    """Only so many clips; 0: all."""
    pictures: Path | None = None
    """Folder for a picture of every clip."""
    preset: Literal['auto', 'open', 'tiny', 'full'] = 'auto'
    """Network; auto: that of the weights, else open."""
    weights: Path | None = None
    """Weight file; none: that of this package."""
    human_head: Literal['chromm', 'multi_hmr'] = 'chromm'
    """The head of the network for people."""
    device: str = 'cpu'
    """cpu, cuda, cuda:1."""
    precision: str = 'auto'
    """fp32, bf16 or fp16 (GPU only); auto: bf16 where it costs no accuracy."""
    set: tuple[str, ...] = ()
    """Changes of the method as NAME=VALUE: adjust_scale=false, people.fusion.position=average, pooling=max, ..."""

    layout: ClassVar[str] = 'smpl24'
    """Joints that the network's bodies are asked for."""
    pixels: ClassVar[str] = ''
    """What the oracle must know besides people and cameras: ``pelvis`` or ``depth``."""

    def run(self) -> int:
        """Evaluate, print the table, write the JSON; 1 where a clip was lost."""
        benchmark, result = self.evaluate()
        print(table(result, benchmark))
        if self.json is not None:
            write_json(self.json, result)
        return 1 if result['data']['missing'] else 0

    def evaluate(self) -> tuple[Benchmark, dict[str, Any]]:
        """The benchmark and its results as they go into the JSON.

        Raises:
            OSError, ValueError: the folder, the weights or an option cannot be used.
        """
        if self.resume and self.json is None:
            raise UsageError('--resume needs --json FILE: the estimates to go on with are kept in FILE.parts')
        if self.predictions is not None and self.oracle:
            raise UsageError('--predictions and --oracle are two sources of estimates; give one')
        for name, least in (('limit', 0), ('chunk', 0), ('segment', 3), ('stride', 1), ('every', 1)):
            value = getattr(self, name, least)
            if value < least:
                raise UsageError(f'--{name} is {value}; it must be at least {least}')
        library = BodyLibrary(self.bodies)
        benchmark = self._with_own_reasons(self.benchmark(library))
        plans = chosen(benchmark.plans, self.sequences, self.limit)
        predictor = self.predictor(library)
        kept = None if self.json is None or self.predictions else self.json.with_name(self.json.name + '.parts')
        painter = None if self.pictures is None else Painter(self.pictures)
        outcome = run(plans, predictor, benchmark.score, Parts(kept, self.resume), painter)
        return benchmark, summary(benchmark, outcome, predictor.about)

    def _with_own_reasons(self, benchmark: Benchmark) -> Benchmark:
        """The benchmark, which no longer compares where the method knew what the paper's does not."""
        method = self.method()
        reasons = {
            'the estimates are the truth itself': bool(self.oracle),
            'the true cameras were given': method.known_cameras,
            'the true intrinsics were given': method.known_intrinsics,
        }
        return replace(benchmark, reasons=(*benchmark.reasons, *(text for text, holds in reasons.items() if holds)))

    def benchmark(self, bodies: BodyLibrary) -> Benchmark:
        """The clips, the score and the paper's rows."""
        raise NotImplementedError

    def predictor(self, bodies: BodyLibrary) -> Predictor:
        """Where estimates come from."""
        if self.predictions is not None:
            return FilePredictor(self.predictions)
        if self.oracle:
            return OraclePredictor(self.oracle, bodies, self.pixels)
        from chromm_ros.body.model import BodyModel
        from chromm_ros.evaluation.protocols.network_predictors import check_network, describe
        from chromm_ros.network.loading import load_network

        settings = self.method()
        body = BodyModel.load(bodies.files.get(('smplx', 'neutral')))
        network = load_network(self.preset, self.weights, self.device, self.precision, self.human_head, body)
        check_network(network, settings, self.pixels)
        about = describe(self.preset, self.weights, self.human_head, self.precision, settings, bodies)
        return self.network_predictor(SinglePass(network, body, bodies, settings), about)

    def method(self) -> PassSettings:
        """The choices of the method."""
        return with_words(PassSettings(layout=self.layout), self.set)

    def network_predictor(self, single_pass: SinglePass, about: str) -> Predictor:
        """How the network is run on a clip."""
        raise NotImplementedError


@dataclass(kw_only=True)
class MotionEvaluation(Evaluation):
    """Global human motion."""

    segment: int = 100
    """Frames that are aligned together."""
    chunk: int = 0
    """Instants that the network sees together, 0: as in the paper; fewer need less memory."""

    def network_predictor(self, single_pass: SinglePass, about: str) -> Predictor:
        from chromm_ros.evaluation.protocols.network_predictors import MotionPredictor

        return MotionPredictor(single_pass, about, self.chunk or self.paper_chunk, self.segment)

    @property
    def paper_chunk(self) -> int:
        """Instants that the paper's network saw together."""
        return 100


@dataclass(kw_only=True)
class InstantEvaluation(Evaluation):
    """People at single instants."""

    frames: Path | None = None
    """File with a sequence and a frame number a line, to be scored instead of the default."""
    distorted: bool = False
    """Feed images as they are instead of undistorted."""
    camera_errors: bool = False
    """Say how far the cameras are off, too, as HSfM and HAMSt3R do."""

    def listed_frames(self) -> dict[str, list[int]] | None:
        """Frame numbers by sequence; None: the default."""
        return None if self.frames is None else read_frames(self.frames)

    def network_predictor(self, single_pass: SinglePass, about: str) -> Predictor:
        from chromm_ros.evaluation.protocols.network_predictors import InstantPredictor

        return InstantPredictor(single_pass, f'{about}{", distorted" if self.distorted else ""}')
