"""A small sphere settles in a viscous liquid: its motion is followed until the velocity does not change any more.

The marks and the import are those of scripts for `medeq`; nothing is changed, and the package is not needed:

    assay explore examples/exploration/settling.py --samples 30 --parallel 2 --plot slices.html
"""

import math

#### MED PARAMETERS START
import medeq

parameters = medeq.create_parameters(
    ["diameter_m", "excess_density", "viscosity_Pa_s"],
    minimums=[2e-5, 200.0, 5e-4],
    maximums=[1e-4, 4000.0, 5e-3],
)
#### MED PARAMETERS END

GRAVITY = 9.81  # m/s²
SPHERE_DENSITY = 2650.0  # kg/m³

diameter = parameters["value"]["diameter_m"]
excess_density = parameters["value"]["excess_density"]  # over that of the liquid, kg/m³
viscosity = parameters["value"]["viscosity_Pa_s"]

volume = math.pi * diameter**3 / 6.0
drag = 3.0 * math.pi * viscosity * diameter / (SPHERE_DENSITY * volume)  # per unit of mass, 1/s
pull = GRAVITY * excess_density / SPHERE_DENSITY

# Implicit steps of a tenth of the relaxation time.
step, velocity, steps = 0.1 / drag, 0.0, 0
while True:
    after = (velocity + step * pull) / (1.0 + step * drag)
    steps += 1
    if abs(after - velocity) <= 1e-15 * after:
        break
    velocity = after

response = {"velocity_m_s": velocity}
extra = {"relaxation_s": 1.0 / drag, "steps": steps}
