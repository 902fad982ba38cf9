"""What classifiers share, and what those that look at one lung slice share."""
