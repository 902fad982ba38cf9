"""URPC: the answers of several scales agree."""
