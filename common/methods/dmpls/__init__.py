"""DMPLS: two decoders whose mixture is the mask for both."""
