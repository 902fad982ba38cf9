"""What a model answers: one class per task, NumPy inside, ready to print, save and plot."""
