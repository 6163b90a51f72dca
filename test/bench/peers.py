"""The same work by others. A peer is prepared with the arrays of a workload and then run; run() gives what ours gives,
by the same names, as long as results are asked for."""
import logging

import numpy as np

from alignment import empty


def contraction_blas(family, arrays):
    if family == "gemm":
        a, b = arrays["a"], arrays["b"]
        y = empty((a.shape[0], b.shape[1]), np.float32)
        return lambda: {"y": np.matmul(a, b, out=y)}
    x, weight, bias = arrays["x"], arrays["weight"], arrays["bias"]
    y = empty((x.shape[0], weight.shape[1]), np.float32)
    return lambda: {"y": np.add(np.matmul(x, weight, out=y), bias, out=y)}


class OpenBlas:
    """The OpenBLAS in numpy's wheel."""

    def __init__(self, threads):
        pass  # OPENBLAS_NUM_THREADS is set when the process starts

    def prepare(self, workload, arrays):
        self.run = contraction_blas(workload.family, arrays)

    def results(self):
        return self.run()


class PyTorch:
    compiler = staticmethod(lambda model: model)

    def __init__(self, threads):
        import reference
        import torch
        torch.set_num_threads(threads)
        self.reference, self.from_numpy = reference, torch.from_numpy

    def prepare(self, workload, arrays):
        tensors = {name: self.from_numpy(array) for name, array in arrays.items()}
        self.run = self.reference.step(workload, tensors, self.compiler)

    def results(self):
        return {name: tensor.detach().numpy() for name, tensor in self.run().items()}


class TorchCompile(PyTorch):
    """Each workload is compiled anew, when it is prepared."""

    def __init__(self, threads):
        super().__init__(threads)
        import torch._inductor.compile_fx
        logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # it looks for CUDA
        self.reset, self.compiler = torch._dynamo.reset, torch.compile

    def prepare(self, workload, arrays):
        self.reset()
        super().prepare(workload, arrays)


class OnnxRuntime:
    def __init__(self, threads):
        self.threads = threads

    def prepare(self, workload, arrays):
        import onnxruntime
        import reference
        model, self.inputs = reference.onnx(workload, arrays)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self.threads, 1
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.outputs = [output.name for output in self.session.get_outputs()]

    def run(self):
        return self.session.run(None, self.inputs)

    def results(self):
        return dict(zip(self.outputs, self.run()))


PEERS = {"pytorch": PyTorch, "torch.compile": TorchCompile, "onnxruntime": OnnxRuntime, "openblas": OpenBlas}
