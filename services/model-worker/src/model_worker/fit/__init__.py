"""From a design to a judged posterior: reduce, sample, recover what was integrated out, and the gate.

`service` and `commands` may import this package. It must not import them, `checks` or `results`: the gate
receives the effects to judge. `sampling` is the only module outside `models` that knows PyTensor and
nutpie.
"""
