import numpy as np

from assay.acquisition.niches import niches

LIMITS = np.array([[0.0, 0.0], [1.0, 1.0]])
SCALES = np.array([0.3, 0.4])
CENTRES = np.array([[0.2, 0.2], [0.8, 0.8], [0.2, 0.8]])


def three_wells(points):
    """Depths -1, -0.8 and -0.5; flat elsewhere."""
    distance2 = ((points[:, None] - CENTRES) ** 2).sum(axis=2)
    return -(np.array([1.0, 0.8, 0.5]) * np.exp(-distance2 / 0.02)).sum(axis=1)


def points_of_wells():
    generator = np.random.default_rng(4)
    near = CENTRES[generator.integers(3, size=40)] + 0.08 * generator.standard_normal((40, 2))
    return np.concatenate([CENTRES, near.clip(0, 1), generator.random((20, 2))])


def test_the_other_wells_are_found_the_deeper_first():
    points = points_of_wells()
    found = niches(points, three_wells(points), SCALES, LIMITS, three_wells, 3)
    assert [niche.centre for niche in found][:2] == [1, 2]
    for niche in found:
        centre = points[niche.centre]
        assert ((niche.lower <= centre) & (centre <= niche.upper)).all()
        assert ((niche.lower >= 0) & (niche.upper <= 1) & (niche.upper - niche.lower <= SCALES + 1e-12)).all()


def test_a_single_well_has_no_other_basin():
    points = np.random.default_rng(1).random((60, 2))

    def bowl(x):
        return ((x - 0.4) ** 2).sum(axis=1)

    assert niches(points, bowl(points), SCALES, LIMITS, bowl, 3) == []


def test_order_of_points_and_units_of_columns_do_not_matter():
    points = points_of_wells()
    order = np.random.default_rng(2).permutation(len(points))
    plain = niches(points, three_wells(points), SCALES, LIMITS, three_wells, 3)
    mixed = niches(points[order], three_wells(points[order]), SCALES, LIMITS, three_wells, 3)
    assert [order[niche.centre] for niche in mixed] == [niche.centre for niche in plain]


def test_no_more_than_asked_for():
    points = points_of_wells()
    assert len(niches(points, three_wells(points), SCALES, LIMITS, three_wells, 1)) == 1
