"""The networks that can be asked for by name; without torch, so that the command line starts at once."""

from typing import Literal

ModelName = Literal["cpu", "full", "dilated", "refiner", "dlinknet34", "dlinknet50", "dlinknet101", "linknet34"]
