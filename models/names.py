"""The names that a configuration may choose from; without torch, so that the command line starts at once."""

from typing import Literal

ModelName = Literal["cpu", "full", "dilated", "refiner", "dlinknet34", "dlinknet50", "dlinknet101", "linknet34"]
TargetName = Literal["membrane", "affinities", "signed_distance", "binary"]
LossName = Literal["bce", "weighted_bce", "dice", "bce_dice", "focal", "focal_dice"]
DeviceName = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "float32", "bfloat16", "int8"]
ResnetName = Literal["resnet34", "resnet50", "resnet101"]
