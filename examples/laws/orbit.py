"""The period of a planet on a circular orbit, by following it: a simulation that knows the forces, and no formula."""

import math

# ASSAY PARAMETERS START
from assay import create_parameters

parameters = create_parameters(
    ["distance_au", "mass_kg"],  # of the planet from its star, and of the star
    minimums=[0.2, 0.6e30],
    maximums=[10.0, 6.0e30],
)
# ASSAY PARAMETERS END

ASTRONOMICAL_UNIT_M, DAY_S, GRAVITATION = 1.495978707e11, 86400.0, 6.6743e-11
attraction = GRAVITATION * parameters["value"]["mass_kg"]

# Leapfrog steps, until the planet crosses the axis where it began; the last one is interpolated.
x, y = parameters["value"]["distance_au"] * ASTRONOMICAL_UNIT_M, 0.0
speed = math.sqrt(attraction / x)
vx, vy = 0.0, speed
step = 1e-3 * x / speed
seconds = 0.0
while True:
    pull = -attraction / math.hypot(x, y) ** 3
    vx, vy = vx + 0.5 * step * pull * x, vy + 0.5 * step * pull * y
    before = y
    x, y = x + step * vx, y + step * vy
    pull = -attraction / math.hypot(x, y) ** 3
    vx, vy = vx + 0.5 * step * pull * x, vy + 0.5 * step * pull * y
    if before < 0.0 <= y:
        seconds += step * before / (before - y)
        break
    seconds += step

response = {"period_days": seconds / DAY_S}
