"""Networks as graphs, and the runtimes that read them."""
