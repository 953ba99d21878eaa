"""Image to membrane probability: networks, targets, augmentation, training, prediction."""
