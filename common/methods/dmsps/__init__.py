"""DMSPS: two decoders whose soft mixture is the target for both."""
