"""Neighbour counts on NVIDIA GPUs: Numba-CUDA kernels, with CuPy for memory, sorting and transfer.

    presence   is there a GPU, a driver, the libraries? loads none of them
    device     the one module that imports numba-cuda and CuPy; or, in Numba's simulator, NumPy in CuPy's place
    start      kernels started without Numba's launch; not used yet either
    order      samples in an order that puts near ones side by side, on the device
    filter     many dimensions: the few in which most points are out of a query's reach first, in values rounded to 7 bits
    tiles      where the filter does not pay: all pairs, tile by tile, left early where a whole tile is out of reach
    distances  many dimensions, where all pairs fit in memory: their distances in whole steps; not used yet, see docs/gpu.md
    tree       few dimensions: boxes over sorted points, one thread a query; one dimension: two binary searches
    counts     the contract of `mi_core.backends`: picks one of these, splits rows over GPUs
    samples    samples that lie on a GPU and stay there

Small device functions carry the names of their CPU twins in `mi_core.backends`.
"""
