"""Image to membrane probability: networks, targets, augmentation, training, prediction."""

import os

# The annotation server shares these cores. OpenMP's threads spin while they wait for each other by default, and then
# predict and train up to ten times slower as soon as anything else runs. Read once, when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
