"""The running worker: it watches the studies directory, fits new inputs and publishes the results.

The watcher wakes the reconciler, which compares folders with the store. Fits run in a separate process; a
fit job wraps the pipeline from checked input to published version. Only `commands` may import this
package. The packages below it define the model, judge a fit and compute figures; this package must not.
"""
