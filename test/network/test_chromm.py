from dataclasses import replace

import numpy as np
import pytest
import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.flow import MAX_PEOPLE, FrameFeatures
from chromm_ros.geometry.cameras import project, unproject
from chromm_ros.network import Calibration, Chromm
from chromm_ros.network.presets import TINY

INTRINSICS = np.array([[160.0, 0, 96], [0, 160.0, 72], [0, 0, 1]])


@pytest.fixture(scope='module')
def body():
    return BodyModel.load()


@pytest.fixture(scope='module')
def network(body):
    """Untrained, and so easily impressed that it sees people everywhere."""
    torch.manual_seed(0)
    return Chromm(replace(TINY, detection_threshold=0.001), body).eval()


@pytest.fixture(scope='module')
def images():
    return [np.random.default_rng(row).integers(0, 256, (144, 192, 3), np.uint8) for row in range(4)]


@pytest.fixture(scope='module')
def features(network, images):
    return network.encode(images)


@pytest.fixture(scope='module')
def calibration():
    return Calibration(intrinsics=np.stack([INTRINSICS] * 4))


@pytest.fixture(scope='module')
def geometry(network, features, calibration):
    return network.decode(features, calibration, with_confidence=True)


@pytest.fixture(scope='module')
def people(network, features, geometry):
    return network.people(features, geometry)


def close(one, other, tolerance=1e-5):
    torch.testing.assert_close(one, other, atol=tolerance, rtol=tolerance)


def test_shapes_do_not_depend_on_the_images(features, geometry, people):
    assert features.scene.shape == features.human_tokens.shape == (4, 108, 128)
    assert geometry.local_points.shape == (4, 144, 192, 3)
    assert geometry.confidence.shape == geometry.human_mask.shape == (4, 144, 192)
    assert geometry.tokens.shape == (4, 108, 256)
    assert people.pose.shape == (4, MAX_PEOPLE, 52, 3, 3)
    assert people.canonical_joints.shape == (4, MAX_PEOPLE, 55, 3)


def test_cached_features_are_those_of_one_pass(network, images, features):
    later = network.encode(images[1:])
    cached = FrameFeatures.join([network.encode(images[:1]), later.take([0]), later.take(slice(1, None))])
    close(cached.scene, features.scene)
    close(cached.human_tokens, features.human_tokens)
    close(network.decode(cached).local_points, network.decode(features).local_points)


def test_permuting_the_views_permutes_everything(network, features, calibration, geometry, people):
    order = [2, 0, 3, 1]
    permuted = network.decode(features.take(order), calibration, with_confidence=True)
    for name in ('local_points', 'confidence', 'world_from_camera', 'tokens'):
        close(getattr(permuted, name), getattr(geometry, name)[order], 1e-4)
    estimates = network.people(features.take(order), permuted)
    assert torch.equal(estimates.valid, people.valid[order])
    close(estimates.head, people.head[order], 1e-3)


def test_heads_run_on_the_chosen_rows(network, features, calibration, geometry):
    chosen = network.decode(features, calibration, heads_on=[3, 1])
    close(chosen.local_points, geometry.local_points[[3, 1]])
    close(chosen.world_from_camera, geometry.world_from_camera[[3, 1]])
    assert chosen.confidence is None


def test_known_cameras_come_back_and_carry_the_points(network, features):
    known = np.array([True, False, True, False])
    calibration = Calibration(np.stack([INTRINSICS, np.full((3, 3), np.nan)] * 2), known)
    geometry = network.decode(features, calibration)
    close(geometry.intrinsics[0], torch.from_numpy(INTRINSICS).float())
    pixels = project(geometry.local_points, geometry.intrinsics)
    assert pixels[0, 10, 20].tolist() == pytest.approx([20.5, 10.5], abs=1e-3)
    assert torch.isfinite(geometry.intrinsics).all()
    assert not torch.allclose(geometry.intrinsics[1], geometry.intrinsics[0])


def test_calibration_of_another_number_of_rows_is_refused(network, features):
    with pytest.raises(ValueError, match=r'\(3, 3, 3\).*\(4, 3, 3\)'):
        network.decode(features, Calibration(np.stack([INTRINSICS] * 3)))


def test_a_head_lies_on_the_ray_of_its_pixel(people):
    valid = people.valid
    assert valid.any()
    heads = unproject(people.head_px, people.head[..., 2], people.intrinsics)
    close(heads[valid], people.head[valid])
    inside = (people.head_px > -16) & (people.head_px < torch.tensor([208, 160]))
    assert inside[valid].all()


def test_pixels_are_those_of_the_original_image(network, features, geometry, people):
    larger = replace(features, image_sizes=((288, 384),) * 4)
    intrinsics = geometry.intrinsics * torch.tensor([2.0, 2.0, 1.0])[:, None]
    doubled = network.people(larger, replace(geometry, intrinsics=intrinsics))
    close(doubled.head_px, 2 * people.head_px, 1e-3)
    close(doubled.pelvis_px, 2 * people.pelvis_px, 1e-2)
    close(doubled.head, people.head, 1e-3)


def test_more_than_ten_people_are_counted_and_the_best_ten_kept(people):
    assert (people.found > MAX_PEOPLE).any()
    assert people.valid.sum(1).max() == MAX_PEOPLE
    scores = people.score[people.found > MAX_PEOPLE]
    assert (scores.diff(dim=1) <= 0).all()


def test_nobody_gives_zeros_and_identities(network, features, geometry, body):
    blind = Chromm(replace(TINY, detection_threshold=0.9999), body).eval()
    blind.load_state_dict(network.state_dict())
    people = blind.people(features, geometry)
    assert not people.valid.any()
    assert people.found.tolist() == [0] * 4
    close(people.pose, torch.eye(3).expand(4, MAX_PEOPLE, 52, 3, 3))
    for name in ('head', 'betas', 'token', 'canonical_joints', 'pelvis_px', 'score'):
        assert getattr(people, name).abs().max() == 0


def test_broken_estimates_are_dropped_instead_of_passed_on(features, geometry, network, body):
    broken = Chromm(network.config, body).eval()
    broken.load_state_dict(network.state_dict())
    with torch.no_grad():
        broken.human_head.decode_betas[-1].bias[3] = torch.nan
    people = broken.people(features, geometry).numpy()
    assert not people.valid.any()
    assert all(np.isfinite(value).all() for value in people.detections().values())


def test_one_copy_to_the_host_changes_nothing(people):
    host = people.numpy()
    for name, value in {**people.detections(), 'found': people.found}.items():
        np.testing.assert_array_equal(getattr(host, name), value.numpy())
        assert getattr(host, name).dtype == value.numpy().dtype


def test_the_mask_is_that_of_the_mask_head(network, features, geometry):
    with torch.no_grad():
        logits = network.human_encoder.mask_logits(features.human_tokens)
    assert torch.equal(geometry.human_mask, logits > 0)


def test_one_view_and_one_frame(network, images, calibration):
    features = network.encode(images[:1])
    geometry = network.decode(features, Calibration(calibration.intrinsics[:1]))
    people = network.people(features, geometry).numpy()
    assert people.valid.any()
    assert np.isfinite(people.head).all()


def test_features_and_geometry_must_be_of_the_same_rows(network, features, geometry):
    with pytest.raises(ValueError, match='2 rows of features for geometry of 4'):
        network.people(features.take([0, 1]), geometry)


@pytest.mark.parametrize(
    ('images', 'message'),
    [
        ([], 'no images'),
        ([np.zeros((10, 10), np.uint8)], r'image 0 is uint8 of shape \(10, 10\)'),
        ([np.zeros((10, 10, 3), np.uint8), np.full((10, 10, 3), np.nan)], r'image 1 is float64'),
        ([np.zeros((0, 10, 3), np.uint8)], r'\(0, 10, 3\)'),
    ],
)
def test_what_is_no_image_is_refused(network, images, message):
    with pytest.raises(ValueError, match=message):
        network.encode(images)


def test_bf16_gives_fp32_geometry_near_the_exact_one(network, images, calibration, geometry, body):
    half = Chromm(network.config, body).eval()
    half.load_state_dict(network.state_dict())
    half.set_precision('bf16')
    features = half.encode(images)
    coarse = half.decode(features, calibration)
    assert coarse.local_points.dtype == torch.float32
    assert half.people(features, coarse).head.dtype == torch.float32
    close(coarse.metric_scale, geometry.metric_scale, 0.05)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'preset': 'huge'}, 'huge.*tiny with chromm'),
        ({'preset': 'tiny', 'human_head': 'multi_hmr'}, 'tiny.*multi_hmr.*does not exist'),
        ({'preset': 'full'}, 'chromm weights convert'),
        ({'precision': 'fp16'}, 'fp16 needs a GPU'),
        ({'precision': 'fp8'}, 'fp32, bf16, fp16'),
        ({'device': 'cuda'}, 'finds no GPU'),
        ({'preset': 'full', 'device': 'cpu', 'precision': 'fp16'}, 'fp16 needs a GPU'),
    ],
)
def test_what_cannot_run_is_refused_before_anything_is_loaded(monkeypatch, arguments, message):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(ValueError, match=message):
        Chromm.from_preset(**arguments)


class SharedMemory:
    """What CUDA graphs do to each other: a stage that runs takes the memory of whatever stages returned before."""

    def __init__(self):
        self.returned = []

    def __call__(self, stage):
        def run(*arguments, **options):
            result = stage(*arguments, **options)
            for earlier in self.returned:
                earlier.fill_(torch.nan)
            self.returned = [result]
            return result

        return run


def test_nothing_that_is_kept_lies_in_the_memory_of_a_graph(network, images, calibration, geometry, monkeypatch):
    graphs = SharedMemory()
    monkeypatch.setattr(network.scene.encoder, 'forward', graphs(network.scene.encoder.forward))
    monkeypatch.setattr(network.human_encoder.backbone, 'forward', graphs(network.human_encoder.backbone.forward))
    monkeypatch.setattr(network.scene, 'decode', graphs(network.scene.decode))
    features = FrameFeatures.join([network.encode(images[:2]), network.encode(images[2:])])
    one, two = (network.decode(features, calibration, with_confidence=True) for _ in range(2))
    for name in ('local_points', 'world_from_camera', 'tokens', 'confidence', 'human_mask'):
        close(getattr(one, name).float(), getattr(geometry, name).float())
        close(getattr(two, name).float(), getattr(geometry, name).float())


@pytest.mark.slow
def test_cameras_that_come_and_go_compile_nothing_anew(network, images, body):
    compiled = Chromm(network.config, body).eval()
    compiled.load_state_dict(network.state_dict())
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    compiled.compile_stages(backend=backend)
    intrinsics = np.stack([INTRINSICS] * 4)
    known = np.array([True, True, False, True])

    def window(rows):
        features = compiled.encode(images[:rows]).take(range(rows))  # as the window does
        compiled.decode(features)
        compiled.decode(features, Calibration(intrinsics[:rows]))
        compiled.decode(features.take([*range(rows)] * 4), Calibration(np.tile(intrinsics[:rows], (4, 1, 1))))
        compiled.decode(features, Calibration(intrinsics[:rows], known[:rows]))

    window(4)
    before = len(graphs)
    window(3)
    window(2)
    assert len(graphs) == before == 5  # two encoders; three kinds of knowledge of the cameras


@pytest.mark.slow
def test_compiled_stages_give_the_same_numbers(network, images, calibration, geometry, body):
    compiled = Chromm(network.config, body).eval()
    compiled.load_state_dict(network.state_dict())
    compiled.compile_stages(backend='eager')
    close(compiled.decode(compiled.encode(images), calibration).local_points, geometry.local_points)


def test_a_body_is_what_its_fused_token_says(network, features, geometry, people):
    tokens = network.fused_tokens(features, geometry)
    pose, betas = network.canonical_bodies(tokens.flatten(0, 1))
    valid = people.valid.flatten()
    assert valid.any()
    close(pose[valid], people.pose.flatten(0, 1)[valid])
    close(betas[valid], people.betas.flatten(0, 1)[valid])


def test_a_coarse_pelvis_is_what_the_head_token_says_alone(network, features, geometry, people):
    coarse = network.coarse_pelvises(features, geometry)
    assert coarse.shape == people.pelvis_px.shape
    size = torch.tensor([192.0, 144.0])
    outside = people.valid & ((coarse < 0) | (coarse > size)).any(-1)
    close(coarse[outside], people.pelvis_px[outside])
    assert not torch.allclose(coarse[people.valid], people.pelvis_px[people.valid])


def test_people_may_join_the_scene_decoder_early(body, images, tmp_path):
    torch.manual_seed(0)
    late = Chromm(replace(TINY, detection_threshold=0.001), body).eval()
    early = Chromm(replace(TINY, detection_threshold=0.001), body).eval()
    early.load_state_dict(late.state_dict())
    early.join_people_early()
    expected, geometry = late.decode(late.encode(images)), early.decode(early.encode(images))
    assert geometry.tokens.shape == expected.tokens.shape
    assert not torch.allclose(geometry.local_points, expected.local_points)
    early.save(tmp_path / 'early.safetensors')
    loaded = Chromm.from_preset('tiny', tmp_path / 'early.safetensors', body=body)
    assert loaded.config.scene.human_dim == TINY.human.vit.width
    torch.testing.assert_close(
        loaded.scene.human_tokens.nobody, early.scene.human_tokens.nobody, atol=1e-3, rtol=1e-3
    )
