"""PyTorch's layers for MindSpore: the same arguments, defaults and parameter names."""
