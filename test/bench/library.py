"""A model of the bench as its users have it: compiled by foveac, called through the C functions of its header."""
import ctypes
import os
import re
import subprocess
from collections import namedtuple

import numpy as np

from alignment import empty

Tensor = namedtuple("Tensor", "name dtype shape")
DTYPES = {"f32": np.float32, "i32": np.int32}
SCALARS = {"f32": ctypes.c_float}


class Options(ctypes.Structure):
    """NAME_options of the generated header; sizes are the model's own."""

    _fields_ = [("struct_size", ctypes.c_uint32), ("threads", ctypes.c_int32), ("seed", ctypes.c_uint64),
                ("target", ctypes.c_char_p), ("workspace", ctypes.c_void_p), ("workspace_bytes", ctypes.c_size_t),
                ("allocate", ctypes.c_void_p), ("release", ctypes.c_void_p), ("allocator_context", ctypes.c_void_p),
                ("device", ctypes.c_int32), ("stream", ctypes.c_void_p), ("profile", ctypes.c_void_p),
                ("profile_context", ctypes.c_void_p), ("sizes", ctypes.c_int64 * 4)]


def compile_model(name, folder, build, cache=None):
    """Writes NAME.so and NAME.h; those of the bench are written by fovea-bench-models, or lie here as NAME.mlir."""
    os.makedirs(folder, exist_ok=True)
    source = f"{os.path.dirname(os.path.abspath(__file__))}/{name}.mlir"
    if not os.path.exists(source):
        source = f"{folder}/{name}.mlir"
        subprocess.run([f"{build}/bin/fovea-bench-models", "--model", name, "--output", source], check=True)
    flags = [] if cache is None else [f"--cache={cache}"]
    subprocess.run([f"{build}/bin/foveac", source, "--compile-to=shared", "-o", folder, *flags], check=True)


class Interface:
    """What the comment that opens a generated header says."""

    def __init__(self, header):
        self.entries, self.parameters, self.sizes = {}, [], []
        text = open(header).read().split("*/")[0].split("Further state")[0]
        sizes = re.search(r"Sizes, given with each call: (.*)", text)
        if sizes:
            self.sizes = sizes[1].split(", ")
        entry = None
        for line in text.splitlines():
            if start := re.match(r" \* (forward|gradients|update|train_step): ", line):
                entry = self.entries[start[1]] = []
            elif argument := re.match(r" \*   (input|scalar|output) (\w+): (\w+)(?: \((.*)\))?$", line):
                entry.append((argument[1], Tensor(argument[2], argument[3], argument[4] or "")))
            elif parameter := re.match(r" \*   ([\w./]+): (\w+)(?: \((.*)\))?$", line):
                self.parameters.append(Tensor(parameter[1], parameter[2], parameter[3] or ""))

    def shaped(self, tensor, sizes):
        """With numbers in place of sizes and their products and sums."""
        words = [word for word in tensor.shape.split(", ") if word]
        return tensor._replace(shape=tuple(eval(word, {}, dict(sizes)) for word in words))


class Library:
    """A handle. Arguments of `entry` are bound once, so that a call costs what it costs in C, and little more."""

    def __init__(self, name, folder, threads, sizes, entry, profile=None):
        self.name, self.sizes, self.entry = name, sizes, entry
        self.interface = Interface(f"{folder}/{name}.h")
        self.library = ctypes.CDLL(f"{folder}/{name}.so")
        options = Options(struct_size=Options.sizes.offset + 8 * len(self.interface.sizes), threads=threads, seed=1)
        if profile:  # called with a kernel and its seconds after each launch
            hook = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_double)
            self.hook = hook(lambda context, kernel, seconds: profile(kernel.decode(), seconds))
            options.profile = ctypes.cast(self.hook, ctypes.c_void_p)
        for index, size in enumerate(self.interface.sizes):
            options.sizes[index] = sizes[size]
        self.function("last_error").restype = ctypes.c_char_p
        self.function("create").restype = ctypes.c_void_p
        self.handle = ctypes.c_void_p(self.function("create")(ctypes.byref(options)))
        if not self.handle:
            raise RuntimeError(self.function("last_error")(None).decode())

    def function(self, name):
        return getattr(self.library, f"{self.name}_{name}")

    def check(self, status):
        if status:
            raise RuntimeError(self.function("last_error")(self.handle).decode())

    def close(self):
        self.function("destroy")(self.handle)

    def arguments(self, role):
        return [self.interface.shaped(tensor, self.sizes) for kind, tensor in self.interface.entries[self.entry]
                if kind == role]

    def parameters(self):
        return [self.interface.shaped(tensor, self.sizes) for tensor in self.interface.parameters]

    def bind(self, arrays, rate=1e-3):
        """Sets the parameters and binds the arguments; `arrays` holds both by name."""
        for tensor in self.parameters():
            self.set(tensor.name, arrays[tensor.name])
        self.kept = {tensor.name: np.ascontiguousarray(arrays[tensor.name]) for tensor in self.arguments("input")}
        self.outputs = {tensor.name: empty(tensor.shape, DTYPES[tensor.dtype]) for tensor in self.arguments("output")}
        arguments = self.interface.entries[self.entry]
        used = [size for size in self.interface.sizes if any(size in tensor.shape for _, tensor in arguments)]
        bound = [self.handle, *(ctypes.c_int64(self.sizes[size]) for size in used)]
        for kind, tensor in arguments:
            if kind == "scalar":
                bound.append(SCALARS[tensor.dtype](rate))
            else:
                array = self.outputs[tensor.name] if kind == "output" else self.kept[tensor.name]
                bound.append(ctypes.c_void_p(array.ctypes.data))
        function = self.function(self.entry)
        self.run = lambda: self.check(function(*bound))

    def set(self, name, values):
        values = np.ascontiguousarray(values)
        self.check(self.function("set")(self.handle, name.encode(), ctypes.c_void_p(values.ctypes.data),
                                        ctypes.c_size_t(values.nbytes)))

    def get(self, name, shape, dtype=np.float32):
        values = np.empty(shape, dtype)
        self.check(self.function("get")(self.handle, name.encode(), ctypes.c_void_p(values.ctypes.data),
                                        ctypes.c_size_t(values.nbytes)))
        return values
