"""openmedia-zoo: medical-imaging models in PyTorch and MindSpore behind one interface."""
