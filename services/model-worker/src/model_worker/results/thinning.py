"""Thinning of a posterior's draws to plain arrays."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def thin(posterior: xr.Dataset, most: int) -> dict[str, Floats]:
    """Return at most `most` draws, evenly spaced over all draws of all chains.

    Parameters
    ----------
    posterior
        Variables with the dims chain and draw first.

    Returns
    -------
    dict
        Each variable with the draw axis last: (..., draws).
    """
    total = posterior.sizes["chain"] * posterior.sizes["draw"]
    count = min(most, total)
    places = (np.arange(count) * total + total // 2) // count
    thinned = {}
    for name in posterior.data_vars:
        values = posterior[name].to_numpy()
        flat = values.reshape(total, *values.shape[2:])[places]
        thinned[str(name)] = np.ascontiguousarray(np.moveaxis(flat, 0, -1))
    return thinned
