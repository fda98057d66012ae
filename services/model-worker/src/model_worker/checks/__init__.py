"""What speaks for and against a fit: predictive checks, leave-one-out, prior sensitivity, the model card.

Nothing here keeps a version from being served; that is `model_worker.fit.gate`. `service` and `commands`
may import this package. It must not import them, `fit` or PyMC: a check works on draws, whoever made
them.
"""
