"""MTCSN: classifies an endoscopy frame and labels its pixels, in one network."""
