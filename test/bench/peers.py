"""The same work by others. A peer is prepared with the arrays of a workload and then run; run() gives what ours gives,
by the same names, as long as results are asked for."""
import numpy as np


def contraction_blas(family, arrays):
    if family == "gemm":
        a, b = arrays["a"], arrays["b"]
        y = np.empty((a.shape[0], b.shape[1]), np.float32)
        return lambda: {"y": np.matmul(a, b, out=y)}
    x, weight, bias = arrays["x"], arrays["weight"], arrays["bias"]
    y = np.empty((x.shape[0], weight.shape[1]), np.float32)
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
    compiled = False

    def __init__(self, threads):
        import torch
        torch.set_num_threads(threads)

    def prepare(self, workload, arrays):
        import torch
        import reference
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        torch._dynamo.reset()
        self.run = reference.step(workload, tensors, torch.compile if self.compiled else lambda each: each)

    def results(self):
        return {name: tensor.detach().numpy() for name, tensor in self.run().items()}


class TorchCompile(PyTorch):
    compiled = True


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
