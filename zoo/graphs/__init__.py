"""Networks as ONNX graphs: made once per weights by PyTorch, checked against it, kept, and read by other runtimes."""
