"""Memory as C++ programs, PyTorch and ONNX Runtime allocate it for tensors; NumPy's own begins 16 bytes into a line."""
import numpy as np

ALIGNMENT = 64  # bytes: a line of the cache, and the longest vector


def empty(shape, dtype):
    """Like numpy.empty, at a multiple of 64 bytes."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    begin = -memory.ctypes.data % ALIGNMENT
    return memory[begin:begin + size].view(dtype).reshape(shape)


def aligned(arrays):
    """Copies, by the same names."""
    copies = {}
    for name, array in arrays.items():
        copies[name] = empty(array.shape, array.dtype)
        copies[name][...] = array
    return copies
