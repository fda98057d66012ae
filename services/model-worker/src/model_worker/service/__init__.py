"""The running worker: it follows the studies directory, fits what is new and publishes the results.

The watcher wakes the reconciler, which compares folders with the store; fits run in a process of their
own, as a job around the pipeline from checked input to published version. Only `commands` may import this
package. It must not decide what a model is, judge a fit or compute a figure: those are the packages
below.
"""
