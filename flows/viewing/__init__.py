"""A run or a volume to look at: image, membrane, labels and axons in Neuroglancer, on this machine alone."""
