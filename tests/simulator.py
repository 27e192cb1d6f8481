"""A GPU for tests, on the host: Numba's simulator runs the kernels, and arrays refuse what CuPy's refuse.

Without the second, arrays of the host could slip among those of the GPU unnoticed, since in the simulator both are NumPy's.
"""

import threading

import numpy as np
from numba.cuda.simulator import kernel


class SleepingBlock(kernel.BlockManager):
    """The threads of one block; those that wait at a barrier wake one another, where Numba's poll all threads in turn."""

    def run(self, grid_point, *args):
        barrier = threading.Barrier(int(np.prod(self._block_dim)))

        def target():
            try:
                with np.errstate(over="ignore"):  # a GPU says nothing about that either
                    self._f(*args)
            except BaseException:
                barrier.abort()
                raise

        threads = [kernel.BlockThread(target, self, grid_point, point, False) for point in np.ndindex(*self._block_dim)]
        for thread in threads:
            thread.syncthreads = barrier.wait
            thread.start()
        for thread in threads:
            thread.join()
        broken = [thread.exception for thread in threads if thread.exception]
        for error, traceback in sorted(broken, key=lambda pair: isinstance(pair[0], threading.BrokenBarrierError)):
            raise error.with_traceback(traceback)


class OnDevice(np.lib.mixins.NDArrayOperatorsMixin):
    """An array that mixes with its like and with numbers, and never becomes one of NumPy's unasked, as CuPy's."""

    __cuda_array_interface__ = None  # that it is there is what matters

    def __init__(self, values):
        self.values = values

    def __array__(self, *_, **__):
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        if ufunc is np.matmul:
            raise ImportError("libcublas.so: cannot open shared object file")  # which the extras do not install
        arguments = map(off_device, inputs)
        return on_device(getattr(ufunc, method)(*arguments, **{name: off_device(value) for name, value in options.items()}))

    def __array_function__(self, function, _, arguments, options):
        return getattr(XP, function.__name__)(*arguments, **options)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return on_device(getattr(self.values, name))

    def __getitem__(self, index):
        return on_device(self.values[off_device(index)])

    def __setitem__(self, index, values):
        self.values[off_device(index)] = off_device(values)

    def __len__(self):
        return len(self.values)

    def __bool__(self):
        return bool(self.values)

    def __int__(self):
        return int(self.values)

    def __float__(self):
        return float(self.values)

    def get(self):
        return self.values


class Xp:
    """NumPy's functions as CuPy's: from arrays of the device, to arrays of the device. Its `linalg` needs further libraries."""

    ndarray = OnDevice

    def asarray(self, values):
        return values if isinstance(values, OnDevice) else OnDevice(np.asarray(values))

    def __getattr__(self, name):
        return on_device(getattr(np, name))


XP = Xp()


def on_device(found):
    """What NumPy gives, as the device would have it: arrays, also those of one number, and functions that give such."""
    if isinstance(found, np.ndarray | np.generic):
        return OnDevice(np.asarray(found))
    if isinstance(found, type) or not callable(found):
        return found
    return lambda *arguments, **options: on_device(found(*map(off_device, arguments), **options))


def off_device(value):
    """What lies on the device, for NumPy; an error for what does not."""
    if isinstance(value, OnDevice):
        return value.values
    if isinstance(value, np.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    return type(value)(map(off_device, value)) if isinstance(value, tuple | list) else value


def use():
    """From now on, in this process; before modules import from `device`."""
    from mi_core.backends.cuda import device  # here, since without the simulator it needs CuPy

    kernel.BlockManager = SleepingBlock
    device.xp = XP
    device.launch = lambda work, grid, block, *arguments: work[grid, block](*map(off_device, arguments))
    device.to_host = off_device
