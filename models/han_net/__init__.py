"""Han-Net: a nested U beside a dense stream at full resolution, with hybrid attention; nuclei one by one."""
