"""What every detector's configuration says: the way in, training pieces, which boxes are shown."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.common.ranges import Count, NotNegative
from zoo.common.records import later


@dataclass(frozen=True)
class DetectorSettings:
    """The part of a detector's configuration that is not its network; the defaults are those for nodules in slices."""

    classes: tuple[str, ...] = ("nodule",)  # in the order of the labels; there is no background among them
    input_channels: Count = 1  # 1 or 3
    input_size: tuple[int, int] = (256, 352)  # (h, w) [px] of the canvas that a picture is put on
    patch_size: tuple[int, ...] = (96, 96)  # (h, w) [px] of a training piece; () trains on whole canvases
    pixel_mm: NotNegative = (
        1.0  # size of the network's pixels; pictures of unknown pixel size keep theirs. 0: fit the canvas
    )
    window_hu: tuple[float, ...] = (-1000.0, 400.0)  # of CT, which has negative intensities; () for pictures alone
    crop_dark: bool = True  # leave out the black border
    discs: bool = True  # boxes stand for discs, so that training may turn them by any angle; else by half turns
    beyond: float = 0.0  # intensity (0..255) of the canvas beyond the picture
    mean: tuple[float, ...] = (0.0,)  # of the intensities scaled to 0..1; one, or one per channel
    std: tuple[float, ...] = (1.0,)
    threshold: float = 0.3  # boxes below this score are not shown
    max_boxes: Count = 60  # best boxes of a picture that are looked at
    size_bounds_px: tuple[float, ...] = later((5.0, 8.0))  # roots of areas between which scores tell sizes apart


# blood cells in colour pictures of smears
CELLS = DetectorSettings(
    classes=("RBC", "WBC", "Platelets"),
    input_channels=3,
    input_size=(240, 320),
    patch_size=(128, 128),
    pixel_mm=0.0,
    window_hu=(),
    crop_dark=False,
    discs=False,
    mean=(0.5,),
    std=(0.25,),
    max_boxes=100,
    size_bounds_px=(50.0, 100.0),
)
