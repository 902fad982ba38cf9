"""vox2vec: a place looks the same to the network in two views, and unlike other places."""
