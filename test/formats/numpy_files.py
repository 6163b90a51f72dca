"""What NumPy itself writes and reads: `write FOLDER` makes files for NpyTest, `check FOLDER` reads those that it made.

Values are 0, 1, 2, ... in row-major order (of booleans: every third is true).
"""

import sys
import numpy as np

TYPES = ["f2", "f4", "f8", "i1", "i4", "i8", "u1", "b1"]
SHAPES = [(), (1,), (17,), (3, 5), (2, 3, 7), (4, 0, 2)]


def values(kind, shape):
    count = int(np.prod(shape, dtype=np.int64))
    numbers = np.arange(count) % 3 == 1 if kind == "b1" else np.arange(count)
    return numbers.astype(kind).reshape(shape)


def name(kind, shape):
    return "-".join([kind, *map(str, shape)])


def write(folder):
    arrays = {name(kind, shape): values(kind, shape) for kind in TYPES for shape in SHAPES}
    for key, array in arrays.items():
        np.save(f"{folder}/{key}.npy", array)
        np.save(f"{folder}/{key}-fortran.npy", np.array(array, order="F"))
    np.savez(f"{folder}/stored.npz", **arrays)
    np.savez_compressed(f"{folder}/deflated.npz", **arrays)
    for version in [(1, 0), (2, 0), (3, 0)]:
        with open(f"{folder}/version{version[0]}.npy", "wb") as file:
            np.lib.format.write_array(file, values("i4", (3, 5)), version)


def check(folder):
    wanted = {name(kind, shape): values(kind, shape) for kind in TYPES for shape in SHAPES}
    for archive in ["stored.npz", "deflated.npz"]:
        found = np.load(f"{folder}/{archive}")
        assert sorted(found.files) == sorted(wanted), archive
        for key, array in wanted.items():
            assert found[key].dtype == array.dtype and np.array_equal(found[key], array), (archive, key)
    for key, array in wanted.items():
        found = np.load(f"{folder}/{key}.npy")
        assert found.dtype == array.dtype and found.shape == array.shape and np.array_equal(found, array), key


{"write": write, "check": check}[sys.argv[1]](sys.argv[2])
