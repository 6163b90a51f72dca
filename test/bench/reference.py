"""The workloads in PyTorch, written the way its users write them. Parameters lie as PyTorch's layers keep them."""
import io
import logging

import torch
import torch.nn.functional as F
from torch import nn


class Gemm(nn.Module):
    def forward(self, a, b):
        return torch.matmul(a, b)


class Linear(nn.Module):
    def __init__(self, tensors):
        super().__init__()
        self.linear = nn.Linear(*tensors["weight"].shape)
        self.linear.weight.data, self.linear.bias.data = tensors["weight"].T.contiguous(), tensors["bias"]

    def forward(self, x):
        return self.linear(x)


def module(workload, tensors):
    """The workload's module and the tensors that it takes."""
    if workload.family == "gemm":
        return Gemm(), (tensors["a"], tensors["b"])
    return Linear(tensors), (tensors["x"],)


def step(workload, tensors, compiled):
    """A function that does the work once."""
    model, inputs = module(workload, tensors)
    model = compiled(model.eval())

    @torch.inference_mode()
    def forward():
        return {"y": model(*inputs)}

    return forward


def onnx(workload, arrays):
    """An ONNX model of the workload, and its inputs."""
    model, inputs = module(workload, {name: torch.from_numpy(array) for name, array in arrays.items()})
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    names = [f"x{index}" for index in range(len(inputs))]
    program = torch.onnx.export(model.eval(), inputs, input_names=names, output_names=["y"], dynamo=True, verbose=False)
    text = io.BytesIO()
    program.save(text)
    return text.getvalue(), {name: value.numpy() for name, value in zip(names, inputs)}
