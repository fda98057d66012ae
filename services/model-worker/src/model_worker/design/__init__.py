"""Which model a study gets: the specification, identification, standardisation, priors' scales, and warnings.

`study_input` reads a folder up to the design. Packages from `fit` upwards may import this package. It
must not import them, `new_study` or PyMC, and it draws nothing.
"""
