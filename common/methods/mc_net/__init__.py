"""MC-Net: decoders that double their grids in different ways agree with each other when sharpened."""
