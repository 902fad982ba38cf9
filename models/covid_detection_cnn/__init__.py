"""Covid-Detection-CNN: lung nodules in slices of chest CT by anchors (YOLOv5)."""
