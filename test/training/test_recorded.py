"""Images of data sets as batches: what is true arrives, what is not known is not taught."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fake_bedlam import CLOSEUP, ORBIT, fake_bedlam
from fake_images import fake_3dpw, fake_single_images

from chromm_ros.body.library import BodyLibrary
from chromm_ros.body.model import BodyModel
from chromm_ros.datasets.bedlam import Bedlam
from chromm_ros.datasets.coco import Coco
from chromm_ros.datasets.mpii import Mpii
from chromm_ros.datasets.threedpw import ThreeDpw
from chromm_ros.geometry.cameras import project
from chromm_ros.network.chromm import Chromm
from chromm_ros.network.layers.preprocessing import target_size
from chromm_ros.network.presets import TINY, choose
from chromm_ros.training.clips import ClipBatch
from chromm_ros.training.fitting import Fitted
from chromm_ros.training.head_stages import HeadStage, PelvisStage
from chromm_ros.training.recorded import SHAPES, RecordedClips
from chromm_ros.training.sampling import BatchesAhead, FrameSampler, Sampling, generators
from chromm_ros.training.targets import people_targets
from chromm_ros.training.weights import PAPER_STAGE_1, PAPER_STAGE_2

SIZE = (192, 108)


def canvas(width: int, height: int) -> tuple[int, int]:
    return SIZE if width > height else SIZE[::-1]


def square(width: int, height: int) -> tuple[int, int]:
    return 192, 144


@pytest.fixture(scope='module')
def model(body_folder: Path) -> BodyModel:
    return BodyModel.load(body_folder / 'SMPLX_NEUTRAL.npz', betas=SHAPES)


@pytest.fixture(scope='module')
def bedlam(tmp_path_factory: pytest.TempPathFactory, bodies: BodyLibrary) -> Path:
    return fake_bedlam(tmp_path_factory.mktemp('bedlam'), bodies)


@pytest.fixture(scope='module')
def stills(tmp_path_factory: pytest.TempPathFactory, bodies: BodyLibrary) -> list[RecordedClips]:
    folder = tmp_path_factory.mktemp('stills')
    for kind in ('coco', 'mpii', '3dpw'):
        (folder / kind).mkdir()
    datasets = [
        Coco(fake_single_images(folder / 'coco', bodies, 'coco'), bodies),
        Mpii(fake_single_images(folder / 'mpii', bodies, 'mpii'), bodies),
        ThreeDpw(fake_3dpw(folder / '3dpw', bodies, 'train'), bodies, truth='neuralannot'),
    ]
    return [RecordedClips(dataset, bodies, square, 'train') for dataset in datasets]


def batch_of(clips: RecordedClips, length: int = 1, images: int = 8, seed: int = 0) -> ClipBatch:
    return FrameSampler([clips], Sampling(images, (length,))).draw(np.random.default_rng(seed))


def test_a_shot_arrives_with_its_truth(bedlam: Path, bodies: BodyLibrary, model: BodyModel) -> None:
    clips = RecordedClips(Bedlam(bedlam, bodies, closeup=False), bodies, canvas)
    sequence = clips.dataset.sequences()[0]
    batch = clips.batch([[(0, 0, step) for step in (2, 3, 4)]])
    assert batch.images.shape == (1, 3, 3, SIZE[1], SIZE[0])
    assert batch.depth.shape == batch.instance.shape == (1, 3, SIZE[1] // 2, SIZE[0] // 2)
    targets = people_targets(batch, model)
    seen = targets.seen.nonzero().flatten()
    assert len(seen) >= 3
    for row in seen:
        frame = int(targets.frame[row])
        instant = sequence.instant(2 + frame)
        joints = torch.from_numpy(np.stack([person.joints for person in instant.people])).float()
        pose = batch.world_from_camera[0, frame]
        world = targets.state.joints[row, :22] @ pose[:3, :3].T + pose[:3, 3]
        assert float((joints - world).abs().amax((1, 2)).min()) < 1e-4, (
            'eleven coefficients, absolute hands, own root'
        )
    x, y = (targets.head_px[seen] / 2).long().unbind(-1)
    assert (batch.instance[0, targets.frame[seen], y, x] > 0).all()
    assert batch.metric.all()
    assert batch.outlined.all()


def test_sequences_are_consecutive_and_forward(bedlam: Path, bodies: BodyLibrary) -> None:
    clips = RecordedClips(Bedlam(bedlam, bodies), bodies, canvas)
    rng = np.random.default_rng(0)
    for _ in range(20):
        row = clips.sequence(4, rng)
        assert [index for _, _, index in row] == list(range(row[0][2], row[0][2] + 4))
        assert len({shot for shot, _, _ in row}) == 1
    assert len(clips.sequence(24, rng)) == 10


def test_upright_pictures_go_whole_into_a_lying_canvas(bedlam: Path, bodies: BodyLibrary) -> None:
    clips = RecordedClips(Bedlam(bedlam, bodies), bodies, canvas)
    shots = {shot.name.split('/')[0]: number for number, shot in enumerate(clips.shots)}
    batch = clips.batch([[(shots[ORBIT], 0, 0)], [(shots[CLOSEUP], 0, 0)]])
    upright = batch.images[1, 0]
    assert upright.shape[1:] == SIZE[::-1]
    assert not upright[:, :, :50].any()
    assert upright[:, :, 80:110].any()
    assert not batch.depth[1, 0, :, :25].any(), 'what is beside the image is not known'
    assert batch.judged[1].all(), 'and nobody is there'
    head = batch.head[1, 0, 0] - batch.world_from_camera[1, 0, :3, 3]
    pixel = project(batch.world_from_camera[1, 0, :3, :3].T @ head, batch.lens[1, 0, 0])
    x, y = (pixel / 2).long()
    assert batch.instance[1, 0, y, x] == 1


def test_fitting_keeps_pixels_where_they_were() -> None:
    fitted = Fitted((100, 50), (192, 144))
    image = np.zeros((50, 100, 3), np.uint8)
    image[20:24, 60:64] = 255
    placed = fitted.image(image)
    rows, columns = np.nonzero(placed[..., 0] > 128)
    centre = np.array([columns.mean() + 0.5, rows.mean() + 0.5, 1])
    np.testing.assert_allclose(fitted.intrinsics(np.eye(3)) @ [62, 22, 1], centre, atol=0.6)
    rows, columns = np.nonzero(fitted.sampled(image[..., 0]))
    np.testing.assert_allclose([columns.mean() * 2 + 1, rows.mean() * 2 + 1], centre[:2], atol=1.5)
    judged = np.ones(fitted.maps, bool)
    fitted.paint(judged, np.array([60.0, 20, 64, 24]), False)
    assert (~judged[rows, columns]).all()


def test_at_most_ten_people_the_nearest_ones(bedlam: Path, bodies: BodyLibrary, tmp_path: Path) -> None:
    folder = shutil.copytree(bedlam, tmp_path / 'bedlam')
    file = folder / 'all_npz_12_training' / f'{ORBIT}_6fps.npz'
    with np.load(file) as labels:
        arrays = dict(labels)
    chosen = np.flatnonzero(arrays['imgname'] == 'seq_000000/seq_000000_0000.png')[:1].repeat(11)
    crowd = {name: values[chosen].copy() for name, values in arrays.items()}
    crowd['trans_cam'][:, 2] += np.arange(11)[::-1] * 0.1
    np.savez(file, **crowd)
    clips = RecordedClips(Bedlam(folder, bodies, closeup=False), bodies, canvas)
    batch = clips.batch([[(0, 0, 0)]])
    assert batch.present.shape == (1, 1, 10)
    assert batch.present.all()
    depth = (batch.head[0, 0] - batch.world_from_camera[0, 0, :3, 3]) @ batch.world_from_camera[0, 0, :3, 2]
    assert (depth.diff() > 0).all()
    nearest = (crowd['trans_cam'] + crowd['cam_ext'][:, :3, 3])[:, 2].min()
    assert abs(float(depth[0]) - nearest) < 0.5


def test_people_without_parameters_and_padding_are_judged_right(stills: list[RecordedClips]) -> None:
    coco, mpii, _ = stills
    for clips, outlined in ((coco, True), (mpii, False)):
        batch = clips.batch([[(0, 0, 0)]])
        assert bool(batch.outlined.all()) == outlined
        assert not batch.metric.any()
        assert not batch.judged.all(), 'somebody without parameters is in the image'
        assert not torch.allclose(batch.lens[0, 0, 0], batch.lens[0, 0, 1]), 'everybody has a camera of the own'
        other = clips.batch([[(0, 0, 1)]])
        assert other.judged.all()


def test_pelvises_of_fits_are_those_of_their_own_projection(
    stills: list[RecordedClips], bodies: BodyLibrary, model: BodyModel
) -> None:
    for clips in stills:
        instant = clips.shots[0].instant(0)
        batch = clips.batch([[(0, 0, 0)]])
        targets = people_targets(batch, model)
        fitted = Fitted(instant.views[0].lens.size, (192, 144))
        expected = []
        for person in instant.people:
            pelvis = bodies.rest_pelvis('smplx', 'neutral', person.body.betas) + person.body.transl
            expected.append(project(pelvis, fitted.intrinsics(person.body.lens.intrinsics)))
        for pixel in targets.pelvis_px[targets.seen].numpy():
            assert min(np.abs(pixel - other).max() for other in expected) < 1e-2
        assert targets.seen.any()


def test_fits_of_smpl_teach_their_joints_alone(
    stills: list[RecordedClips], bodies: BodyLibrary, model: BodyModel, tmp_path: Path
) -> None:
    folder = fake_single_images(tmp_path, bodies, 'mpii')
    file = folder / 'annotations' / 'MPII_train_SMPLX_NeuralAnnot.json'
    fits = json.loads(file.read_text())
    file.unlink()
    for fit in fits.values():
        old = fit.pop('smplx_param')
        # the neutral SMPL of these copies has the rest pelvis of SMPL-X
        fit['smpl_param'] = {
            'pose': old['root_pose'] + old['body_pose'] + [0.0] * 6,
            'shape': old['shape'],
            'trans': old['trans'],
        }
    (folder / 'annotations' / 'MPII_train_SMPL_NeuralAnnot.json').write_text(json.dumps(fits))
    clips = RecordedClips(Mpii(folder, bodies), bodies, square, 'train')
    batch, by_smplx = (source.batch([[(0, 0, 0)]]) for source in (clips, stills[1]))
    targets, expected = (people_targets(b, model, skin=True) for b in (batch, by_smplx))
    torch.testing.assert_close(targets.state.joints[:, :22], expected.state.joints[:, :22], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(targets.pelvis_px, expected.pelvis_px, atol=1e-2, rtol=1e-4)
    assert (targets.state.joints[targets.seen, 22:, 2] < 0).all(), 'no loss looks there'
    stage = PelvisStage(network(), FrameSampler([clips], Sampling(6, (1,))), model, PAPER_STAGE_2)
    moved, terms = gradients(stage)
    assert moved
    assert float(terms['v2d']) == 0
    assert all(float(terms[name]) > 0 for name in ('j2d', 'pelvis'))


def network() -> Chromm:
    torch.manual_seed(1)
    chromm = Chromm(choose('tiny', 'chromm'))
    for decoder in ('decode_pose', 'decode_root', 'decode_betas', 'decode_depth'):
        torch.nn.init.normal_(getattr(chromm.human_head, decoder)[-1].weight, std=0.01)
    return chromm


def gradients(stage: HeadStage | PelvisStage) -> tuple[set[str], dict[str, torch.Tensor]]:
    rng, generator = generators(0, 0)
    stage.train()
    loss, terms = stage(stage.sampler.draw(rng), generator, 0.9)
    loss.backward()
    moved = {name for name, value in stage.trained.named_parameters() if value.grad is not None and value.grad.any()}
    return moved, terms


def test_stage_1_learns_from_bedlam(bedlam: Path, bodies: BodyLibrary, model: BodyModel) -> None:
    clips = RecordedClips(Bedlam(bedlam, bodies), bodies, square)
    stage = HeadStage(network(), FrameSampler([clips], Sampling(4, (4,))), model, PAPER_STAGE_1)
    moved, terms = gradients(stage)
    assert all(torch.isfinite(value).all() for value in terms.values())
    assert all(
        float(terms[name]) > 0
        for name in ('v3d', 'j3d', 'v2d', 'j2d', 'theta', 'beta', 'tau', 'mask', 'head', 'pelvis')
    )
    for part in ('decode_pose', 'decode_root', 'decode_betas', 'decode_depth', 'fuse', 'mask', 'detection', 'pelvis'):
        assert any(part in name for name in moved), part


def test_without_depth_nobody_counts_in_metres_unless_told(
    bedlam: Path, bodies: BodyLibrary, model: BodyModel, tmp_path: Path
) -> None:
    folder = shutil.copytree(bedlam, tmp_path / 'bedlam')
    for scene in (ORBIT, CLOSEUP):
        shutil.rmtree(folder / scene / 'depth')
    for unscaled in (False, True):
        clips = RecordedClips(Bedlam(folder, bodies), bodies, square, unscaled=unscaled)
        stage = HeadStage(network(), FrameSampler([clips], Sampling(4, (4,))), model, PAPER_STAGE_1)
        moved, terms = gradients(stage)
        assert (float(terms['tau']) > 0) == (float(terms['v3d']) > 0) == unscaled
        assert float(terms['v2d']) > 0
        assert float(terms['theta']) > 0
        assert any('decode_depth' in name for name in moved), 'by the projection'


@pytest.mark.parametrize('number', [0, 1, 2])
def test_every_loss_of_stage_2_reaches_the_pelvis_with_people_in_two_dimensions(
    stills: list[RecordedClips], model: BodyModel, number: int
) -> None:
    for term in ('v2d', 'j2d', 'pelvis', 'chamfer'):
        weights = type(PAPER_STAGE_2)(**{term: 1.0})
        stage = PelvisStage(network(), FrameSampler([stills[number]], Sampling(6, (1,))), model, weights)
        moved, terms = gradients(stage)
        assert set(terms) == {term}
        assert torch.isfinite(terms[term])
        assert moved, f'{term} moves nothing'
        if term == 'pelvis':
            assert any('coarse' in name for name in moved)
            assert any('fine' in name for name in moved)


def test_a_file_that_cannot_be_read_costs_its_sequence_only(
    bedlam: Path, bodies: BodyLibrary, tmp_path: Path
) -> None:
    folder = shutil.copytree(bedlam, tmp_path / 'bedlam')
    (folder / ORBIT / 'depth' / 'seq_000000' / 'seq_000000_0010_depth.exr').write_bytes(b'cut off')
    shutil.rmtree(folder / ORBIT / 'png' / 'seq_000001')
    clips = RecordedClips(Bedlam(folder, bodies), bodies, canvas)
    assert len(clips.lost) == 1
    assert 'seq_000001' in clips.lost[0]
    shots = {shot.name: number for number, shot in enumerate(clips.shots)}
    with pytest.warns(UserWarning, match=r'0010_depth\.exr.*another sequence takes its place'):
        batch = clips.batch([[(shots[f'{ORBIT}/seq_000000'], 0, step) for step in (1, 2)]])
    assert batch.images.shape[:2] == (1, 2)
    for shot in folder.glob('*/png/*'):
        shutil.rmtree(shot)
    with pytest.raises(ValueError, match=r'no sequence can be used: .*none of the'):
        RecordedClips(Bedlam(folder, bodies), bodies, canvas)


def test_processes_that_read_ahead_read_the_same(bedlam: Path, bodies: BodyLibrary) -> None:
    sampler = FrameSampler([RecordedClips(Bedlam(bedlam, bodies), bodies, canvas)], Sampling(4, (2,)))
    ahead = BatchesAhead(sampler, 3, 0)
    alone = [batch.images for batch in ahead.loader(range(5, 8), 0, False)]
    others = [batch.images for batch in ahead.loader(range(5, 8), 2, False)]
    assert len(alone) == 3
    assert all(torch.equal(first, second) for first, second in zip(alone, others))


@pytest.mark.parametrize('kind', [HeadStage, PelvisStage])
def test_stages_run_where_the_branches_want_other_sizes(
    bedlam: Path, stills: list[RecordedClips], bodies: BodyLibrary, model: BodyModel, kind: type
) -> None:
    """As in the full preset: the scene's images in whole patches, the people's on a square with a border."""
    small = replace(TINY.scene, pixel_limit=128 * 96)
    config = replace(TINY, scene=small, human=replace(TINY.human, image_size=(224, 224)))
    shots = RecordedClips(Bedlam(bedlam, bodies), bodies, lambda w, h: target_size(w, h, 16, small.pixel_limit))
    for source in [shots] if kind is HeadStage else [shots, *stills]:
        length = 3 if kind is HeadStage else 1
        stage = kind(Chromm(config), FrameSampler([source], Sampling(6, (length,))), model)
        rng, generator = generators(0, 1)
        stage.train()
        loss, terms = stage(stage.sampler.draw(rng), generator, 0.9)
        loss.backward()
        assert all(torch.isfinite(value).all() for value in terms.values())
        assert float(terms['pelvis']) > 0
