"""3D-UNet (Cicek et al., MICCAI 2016): volumetric segmentation by an encoder and a decoder with skip connections."""
