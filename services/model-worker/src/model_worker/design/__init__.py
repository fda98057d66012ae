"""Design of a study's model: specification, identification, standardization, prior scales and warnings.

`study_input` reads a study folder and builds its design. Packages from `fit` upward may import this package.
This package must not import them, `new_study` or PyMC, and does no sampling.
"""
