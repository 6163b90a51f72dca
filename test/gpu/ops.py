#!/usr/bin/env python3
"""Ops on a device against what they gave on a processor: ops.py FOLDER..., each recorded by ops_test (OPS_RECORD).

Every entry point runs twice: each result must be within its bound, and have the same bits again. Needs Python alone.
"""
import array
import ctypes
import json
import math
import os
import struct
import sys

SCALARS = {"f32": ctypes.c_float, "f64": ctypes.c_double, "i32": ctypes.c_int32, "i64": ctypes.c_int64, "bool": ctypes.c_uint8,
           "f16": ctypes.c_uint16, "bf16": ctypes.c_uint16, "u8": ctypes.c_uint8, "i8": ctypes.c_int8}
CODES = {"f32": "f", "f64": "d", "i32": "i", "i64": "q", "bool": "B", "u8": "B", "i8": "b"}
SMALLEST = {"f32": 2.0**-126, "f64": 2.0**-1022, "f16": 2.0**-14, "bf16": 2.0**-126}


class Options(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint32), ("threads", ctypes.c_int32), ("seed", ctypes.c_uint64), ("target", ctypes.c_char_p),
                ("workspace", ctypes.c_void_p), ("workspace_bytes", ctypes.c_size_t), ("allocate", ctypes.c_void_p),
                ("release", ctypes.c_void_p), ("allocator_context", ctypes.c_void_p), ("device", ctypes.c_int32),
                ("cpu_fallback", ctypes.c_int32), ("stream", ctypes.c_void_p), ("profile", ctypes.c_void_p),
                ("profile_context", ctypes.c_void_p), ("sizes", ctypes.c_int64 * 4)]


def numbers(raw, dtype):
    if dtype == "f16":
        return [value for (value,) in struct.iter_unpack("e", raw)]
    if dtype == "bf16":
        return [value for (value,) in struct.iter_unpack("f", b"".join(b"\0\0" + raw[at:at + 2] for at in range(0, len(raw), 2)))]
    return list(array.array(CODES[dtype], raw))


def differs(got, wanted, tensor):
    """What is wrong with a result, or nothing."""
    if got == wanted:
        return ""
    dtype, relative, floor = tensor["dtype"], tensor["relative"], tensor["floor"]
    got, wanted = numbers(got, dtype), numbers(wanted, dtype)
    if floor < 0:
        floor = max((abs(value) for value in wanted if math.isfinite(value)), default=0)
    for at, (one, other) in enumerate(zip(got, wanted)):
        if one == other or (one != one and other != other):
            continue
        if not abs(one - other) <= relative * max(abs(other), floor) + SMALLEST.get(dtype, 0):
            return f"{tensor['name']}: element {at} is {one} and should be {other}"
    return ""


class Suite:
    def __init__(self, folder):
        with open(os.path.join(folder, "record.json")) as file:
            self.record = json.load(file)
        with open(os.path.join(folder, "data.bin"), "rb") as file:
            self.data = file.read()
        self.library = ctypes.CDLL(os.path.abspath(os.path.join(folder, "ops.so")))
        self.library.ops_create.restype = ctypes.c_void_p
        self.library.ops_last_error.restype = ctypes.c_char_p

    def values(self, tensor):
        return self.data[tensor["offset"]:tensor["offset"] + tensor["bytes"]]

    def error(self, model=None):
        return self.library.ops_last_error(ctypes.c_void_p(model)).decode()

    def run(self, entry):
        """The results by name, and what create or a call said."""
        batch = self.record["batch"]
        options = Options(struct_size=ctypes.sizeof(Options), threads=1, seed=1, sizes=(ctypes.c_int64 * 4)(*4 * [batch]))
        model = self.library.ops_create(ctypes.byref(options))
        if not model:
            return {}, self.error()
        handle = ctypes.c_void_p(model)
        for parameter in self.record["parameters"]:
            self.library.ops_set(handle, parameter["name"].encode(), self.values(parameter), ctypes.c_size_t(parameter["bytes"]))
        arguments, results = [handle, *entry["sizes"] * [ctypes.c_int64(batch)]], {}
        for argument in entry["arguments"]:
            if argument["role"] == "scalar":
                arguments.append(SCALARS[argument["dtype"]].from_buffer_copy(self.values(argument)))
                continue
            buffer = ctypes.create_string_buffer(max(1, argument["bytes"]))
            if argument["role"] == "output":
                results[argument["name"]] = (buffer, argument)
            else:
                buffer.raw = self.values(argument).ljust(1, b"\0")
            arguments.append(buffer)
        code = getattr(self.library, "ops_" + entry["name"])(*arguments)
        said = self.error(model) if code else ""
        for gradient in entry["gradients"] if not code else []:
            buffer = ctypes.create_string_buffer(gradient["bytes"])
            self.library.ops_get(handle, gradient["name"].encode(), buffer, ctypes.c_size_t(gradient["bytes"]))
            results[gradient["name"]] = (buffer, gradient)
        self.library.ops_destroy(handle)
        return {name: (buffer.raw[:tensor["bytes"]], tensor) for name, (buffer, tensor) in results.items()}, said

    def check(self):
        """What is wrong, a line each, and how many results there are."""
        wrong, count = [], 0
        for entry in self.record["entries"]:
            (first, said), (second, said_again) = self.run(entry), self.run(entry)
            if said or said_again:
                wrong.append(f"{entry['name']}: {said or said_again}")
                continue
            for name, (got, tensor) in first.items():
                count += 1
                wrong += [text for text in [differs(got, self.values(tensor), tensor)] if text]
                if got != second[name][0]:
                    wrong.append(f"{name} of {entry['name']} has other bits in the next run")
        return wrong, count


def main(folders):
    failed = 0
    for folder in folders:
        wrong, count = Suite(folder).check()
        failed += bool(wrong)
        print(f"{os.path.basename(folder.rstrip('/'))}: {count} results" + ("" if wrong else ", all within their bounds"))
        for line in wrong[:20]:
            print("  " + line)
    return 1 if failed or not folders else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
