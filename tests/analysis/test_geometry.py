"""Clouds of vectors: against scikit-learn, scipy and what must hold for turns, scalings and shifts."""

import numpy as np
import pytest
import torch

from bertlab.analysis import geometry

CLOUD = torch.randn(40, 7, generator=torch.Generator().manual_seed(0)) * torch.arange(1.0, 8.0)


def turn(size, seed=1):
    return torch.linalg.qr(torch.randn(size, size, generator=torch.Generator().manual_seed(seed)))[0]


@pytest.mark.parametrize("shape", [(40, 7), (5, 7)])
def test_components_are_those_of_scikit_learn(shape):
    decomposition = pytest.importorskip("sklearn.decomposition")
    points = CLOUD[: shape[0]] + 3
    found = geometry.pca(points, 4)
    theirs = decomposition.PCA(4).fit(points.double().numpy())
    assert np.allclose(found.explained, theirs.explained_variance_ratio_, atol=1e-6)
    ours, expected = found.points.abs().double().numpy(), np.abs(theirs.transform(points.double().numpy()))
    assert np.allclose(ours, expected, atol=1e-4)
    assert torch.allclose((points - found.mean) @ found.directions.T, found.points, atol=1e-4)
    assert found.points.dtype == torch.float32


def test_signs_do_not_depend_on_the_order_of_the_points():
    one, other = geometry.pca(CLOUD, 3), geometry.pca(CLOUD.flip(0), 3)
    assert torch.allclose(one.points, other.points.flip(0), atol=1e-4)


def test_points_all_alike_have_nothing_to_explain():
    found = geometry.pca(torch.ones(3, 4), 2)
    assert found.explained.tolist() == [0, 0] and not bool(found.points.any())


def test_cka_ignores_turns_scalings_and_shifts_and_knows_itself():
    assert geometry.cka(CLOUD, CLOUD) == pytest.approx(1, abs=1e-9)
    assert geometry.cka(CLOUD, 3 * CLOUD @ turn(7) + 5) == pytest.approx(1, abs=1e-6)
    other = torch.randn(40, 3, generator=torch.Generator().manual_seed(2))
    assert 0 < geometry.cka(CLOUD, other) < 0.3


def test_cka_is_the_same_from_points_and_from_dimensions():
    x = torch.randn(20, 30, generator=torch.Generator().manual_seed(3)).double()
    y = torch.randn(20, 5, generator=torch.Generator().manual_seed(4)).double()
    a, b = x - x.mean(0), y - y.mean(0)
    expected = (b.T @ a).norm() ** 2 / ((a.T @ a).norm() * (b.T @ b).norm())
    assert geometry.cka(x, y) == pytest.approx(float(expected), abs=1e-9)
    assert geometry.cka(y, x) == pytest.approx(float(expected), abs=1e-9)


def test_few_points_of_many_dimensions_are_alike_whatever_they_are():
    noise = [torch.randn(9, 384, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2)]
    assert geometry.cka(*noise) == pytest.approx(0.97, abs=0.02)


def test_anisotropy_is_the_mean_cosine_of_different_points():
    total = [float(torch.cosine_similarity(CLOUD[i], CLOUD[j], dim=0)) for i in range(40) for j in range(40) if i != j]
    assert geometry.anisotropy(CLOUD) == pytest.approx(sum(total) / len(total), abs=1e-6)
    assert geometry.anisotropy(torch.ones(3, 5)) == pytest.approx(1)


def test_align_turns_without_scaling_or_moving():
    procrustes = pytest.importorskip("scipy.linalg").orthogonal_procrustes
    mirrored = CLOUD @ turn(7) * torch.tensor([-1.0, 1, 1, 1, 1, 1, 1])
    assert torch.allclose(geometry.align(mirrored, CLOUD), CLOUD, atol=1e-4)
    onto = torch.randn(40, 7, generator=torch.Generator().manual_seed(5)) + 2
    rotation = procrustes(CLOUD.double().numpy(), onto.double().numpy())[0]
    found = geometry.align(CLOUD, onto)
    assert np.allclose(found, CLOUD.double().numpy() @ rotation, atol=1e-4)
    assert torch.allclose(found.norm(dim=1), CLOUD.norm(dim=1), atol=1e-4)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: geometry.pca(CLOUD, 8), "k is 8; allowed are 1 to 7"),
        (lambda: geometry.pca(CLOUD[:1], 1), "points holds 1 points; give at least 2"),
        (lambda: geometry.pca(CLOUD[None], 1), r"points has shape \(1, 40, 7\)"),
        (lambda: geometry.cka(CLOUD, CLOUD[:3]), "x has 40 points and y 3"),
        (lambda: geometry.align(CLOUD, CLOUD[:, :3]), "as many dimensions"),
        (lambda: geometry.anisotropy(CLOUD / 0), "not finite"),
        (lambda: geometry.anisotropy([]), "give .points, dimensions."),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_labels_that_lie_together_part_the_points_and_shuffled_ones_do_not():
    torch.manual_seed(0)
    centres = torch.eye(7)[[0, 3]]
    points = torch.cat([centres[0] + 0.1 * torch.randn(11, 7), centres[1] + 0.1 * torch.randn(9, 7)])
    labels = ["money"] * 11 + ["river"] * 9
    found = geometry.separation(points, labels)
    pairs = (11 * 10 + 9 * 8) / (20 * 19)  # two different places have one label in this share of the orders
    assert found.score == 1 and found.chance < found.upper < 1
    assert abs(found.chance - pairs) < 0.02
    assert geometry.separation(points, labels, seed=0) == found
    assert geometry.separation(torch.randn(400, 7), [i % 2 for i in range(400)]).score < 0.6


def test_points_that_are_equally_near_count_in_part_whatever_their_order():
    points = torch.eye(3)[[0, 0, 0, 1, 1]]
    assert geometry.separation(points, ["a", "a", "b", "b", "b"]).score == pytest.approx((0.5 + 0.5 + 0 + 1 + 1) / 5)
    assert geometry.separation(points[[2, 0, 4, 1, 3]], ["b", "a", "b", "a", "b"]).score == pytest.approx(0.6)


def test_separation_refuses_what_it_cannot_part():
    with pytest.raises(ValueError, match="3 labels for 4 points"):
        geometry.separation(torch.eye(4), [0, 1, 0])
    with pytest.raises(ValueError, match="shuffles is 0"):
        geometry.separation(torch.eye(4), [0, 1, 0, 1], shuffles=0)
