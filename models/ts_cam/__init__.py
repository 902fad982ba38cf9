"""TS-CAM: shows where a lesion is after training with labels of whole slices."""
