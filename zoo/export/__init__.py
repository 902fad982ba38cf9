"""A model in the formats that it is deployed in: files, what they are, a program that runs them, an example."""
