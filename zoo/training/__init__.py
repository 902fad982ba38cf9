"""One run of training: its data, loop, folder, events and curves."""
