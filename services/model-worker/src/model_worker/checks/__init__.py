"""Model criticism: predictive checks, leave-one-out, prior sensitivity, the model card.

No check blocks a version from being served; `model_worker.fit.gate` does that. `service` and `commands`
may import this package. It must not import them, `fit` or PyMC: a check works on draws from any sampler.
"""
