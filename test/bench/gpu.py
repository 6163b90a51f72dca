#!/usr/bin/env python3
"""Ours on a CUDA device against PyTorch and cuBLAS: gpu.py FOLDER, with the libraries that tools/test-gpu.sh --prepare makes.

Inputs, outputs and parameters are in the device's memory; f32 without TF32. A round times as many calls as fill 0.2 s between
two synchronisations; the figure is the median of five. Results are compared before. Each workload has the least speed-up that is
acceptable and the one that is aimed at; below the least is a failure. Exits with 77 where PyTorch or its device is missing.
"""
import ctypes
import statistics
import sys
import time

try:
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
except ImportError as error:
    print(f"SKIP: the bench needs PyTorch: {error}")
    sys.exit(77)

import reference
from library import Library
from workloads import Workload

# peer, floor and aim of its time over ours.
WORKLOADS = [
    (Workload("gemm/4096/forward", "gemm_4096", flops=2 * 4096**3), "cuBLAS", 0.6, 0.9),
    (Workload("mnist/b64/training", "mnist", entry="train_step", sizes={"batch": 64}), "PyTorch eager", 1.5, 3),
    (Workload("vit_tiny/b1/forward", "vit_tiny", sizes={"batch": 1}), "PyTorch eager", 1.5, 3),
    (Workload("attention/T4096/forward", "attention_T4096"), "PyTorch math", 1.5, 3),
]
TYPES = {"f32": torch.float32, "i32": torch.int32}


class OnDevice(Library):
    """A handle whose arguments are tensors on the device."""

    def bind_tensors(self, tensors, rate=1e-3):
        arguments = self.interface.entries[self.entry]
        self.outputs = {tensor.name: torch.empty(tensor.shape, dtype=TYPES[tensor.dtype], device="cuda")
                        for tensor in self.arguments("output")}
        used = [size for size in self.interface.sizes if any(size in tensor.shape for _, tensor in arguments)]
        bound = [self.handle, *(ctypes.c_int64(self.sizes[size]) for size in used)]
        for kind, tensor in arguments:
            held = self.outputs if kind == "output" else tensors
            bound.append(ctypes.c_float(rate) if kind == "scalar" else ctypes.c_void_p(held[tensor.name].data_ptr()))
        function = self.function(self.entry)
        self.run = lambda: self.check(function(*bound))


def tensors_of(ours):
    """Random inputs, and the parameters that the library began with."""
    torch.manual_seed(1)
    tensors = {tensor.name: torch.randint(0, 10, tensor.shape, dtype=torch.int32, device="cuda") if tensor.dtype == "i32" else
               torch.randn(tensor.shape, device="cuda") for tensor in ours.arguments("input")}
    for tensor in ours.parameters():
        tensors[tensor.name] = torch.from_numpy(ours.get(tensor.name, tensor.shape)).cuda()
    return tensors


def seconds(call):
    """Of one call, the median of the rounds."""
    def of(count):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(count):
            call()
        torch.cuda.synchronize()
        return (time.perf_counter() - begin) / count
    of(3)
    count = max(1, int(0.2 / of(3)))
    return statistics.median(of(count) for _ in range(5))


def measure(folder, workload, peer, floor, aim):
    ours = OnDevice(workload.model, folder, 1, workload.sizes, workload.entry)
    tensors = tensors_of(ours)
    ours.bind_tensors(tensors)
    theirs = reference.step(workload, tensors, lambda model: model.cuda())
    if peer == "PyTorch math":
        inner = theirs
        def theirs():
            with sdpa_kernel(SDPBackend.MATH):
                return inner()
    wanted = theirs()
    ours.run()
    torch.cuda.synchronize()
    wrong = [name for name, got in ours.outputs.items()
             if name in wanted and not (got - wanted[name]).abs().max() <= 1e-3 * wanted[name].abs().max()]
    mine, other = seconds(ours.run), seconds(theirs)
    verdict = ("wrong: " + ", ".join(wrong) if wrong else "below the floor" if other / mine < floor else
               "reaches the aim" if other / mine >= aim else "above the floor")
    print(f"{workload.path}\t{1e3 * mine:.4f}\t{peer}\t{1e3 * other:.4f}\t{other / mine:.2f}\t{floor}\t{aim}\t{verdict}", flush=True)
    ours.close()
    return not wrong and other / mine >= floor


def main(folder):
    if not torch.cuda.is_available():
        print("SKIP: this PyTorch has no CUDA device")
        return 77
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}")
    print("workload\tours (ms)\tpeer\tpeer (ms)\tspeed-up\tfloor\taim\tverdict")
    passed = True
    for workload in WORKLOADS:
        try:
            passed &= measure(folder, *workload)
        except Exception as error:  # the others are still of use
            passed = False
            print(f"{workload[0].path}\tfailed: {error}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
