"""PSSEG: three decoders whose mean, where it is sure, is the target for each."""
