"""Cross-consistency: further decoders see disturbed features and answer alike."""
