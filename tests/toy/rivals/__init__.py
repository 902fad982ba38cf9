"""A toy adversarial pair: the spot finder of the toy, trained against a critic of its outlines."""
