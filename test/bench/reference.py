"""The workloads in PyTorch, written the way its users write them. Parameters lie as PyTorch's layers keep them."""
import io
import logging
import math

import torch
import torch.nn.functional as F
from torch import nn


class Gemm(nn.Module):
    def forward(self, a, b):
        return torch.matmul(a, b)


class Linear(nn.Linear):
    """From our weight (inputs, outputs)."""

    def __init__(self, weight, bias):
        super().__init__(*weight.shape)
        self.weight.data, self.bias.data = weight.T.clone(memory_format=torch.contiguous_format), bias.clone()


class Convolution(nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(weight.clone())

    def forward(self, x):
        return F.conv2d(x, self.weight, padding=1)


class LayerNorm(nn.LayerNorm):
    def __init__(self, scale, bias, epsilon=1e-5):
        super().__init__(scale.shape, epsilon)
        self.weight.data, self.bias.data = scale.clone(), bias.clone()


class Attention(nn.Module):
    def __init__(self, causal):
        super().__init__()
        self.causal = causal

    def forward(self, q, k, v):
        return F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)


class RelativeAttention(nn.Module):
    """With a bias by the distances between two tokens of a square grid, gathered as Swin does (Liu et al. 2021)."""

    def __init__(self, size):
        super().__init__()
        cells = torch.stack(torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")).flatten(1)
        rows, columns = cells[:, None, :] - cells[:, :, None] + size - 1
        self.register_buffer("index", (rows * (2 * size - 1) + columns).flatten())

    def forward(self, q, k, v, table):
        tokens = q.shape[2]
        bias = table.flatten(1).T[self.index].view(tokens, tokens, -1).permute(2, 0, 1).contiguous()
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias.unsqueeze(0))


class DocumentAttention(nn.Module):
    def forward(self, q, k, v, ids):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=ids[:, None, :, None] == ids[:, None, None, :])


class Block(nn.Module):
    def __init__(self, tensors, heads, epsilon):
        super().__init__()
        pair = lambda name, first: (tensors[f"{name}.{first}"], tensors.get(f"{name}.bias"))
        self.norm1 = LayerNorm(*pair("norm1", "scale"), epsilon)
        self.norm2 = LayerNorm(*pair("norm2", "scale"), epsilon)
        weight, bias = pair("attention.qkv", "weight")
        self.qkv = Linear(weight, torch.zeros(weight.shape[1]) if bias is None else bias)
        if bias is None:
            self.qkv.bias = None
        self.projection = Linear(*pair("attention.projection", "weight"))
        self.up, self.down = Linear(*pair("up", "weight")), Linear(*pair("down", "weight"))
        self.heads = heads

    def attend(self, x):
        items, tokens, width = x.shape
        q, k, v = self.qkv(x).reshape(items, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.projection(y.transpose(1, 2).reshape(items, tokens, width))

    def forward(self, x):
        x = x + self.attend(self.norm1(x))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class VisionTransformer(nn.Module):
    """With a class token, if there is one, or the mean of all tokens."""

    def __init__(self, tensors, heads, epsilon):
        super().__init__()
        weight = tensors["patches.weight"]
        self.patches = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2], weight.shape[2])
        self.patches.weight.data, self.patches.bias.data = weight.clone(), tensors["patches.bias"].clone()
        self.token = nn.Parameter(tensors["token"].clone()) if "token" in tensors else None
        self.position = nn.Parameter(tensors["position"].clone())
        depth = len([name for name in tensors if name.endswith(".norm1.scale")])
        part = lambda at: {name.removeprefix(at): each for name, each in tensors.items() if name.startswith(at)}
        self.blocks = nn.Sequential(*(Block(part(f"blocks.{i}."), heads, epsilon) for i in range(depth)))
        self.norm = LayerNorm(tensors["norm.scale"], tensors["norm.bias"], epsilon)
        self.head = Linear(tensors["head.weight"], tensors["head.bias"])

    def forward(self, image):
        x = self.patches(image).flatten(2).transpose(1, 2)
        if self.token is not None:
            x = torch.cat((self.token.expand(x.shape[0], 1, -1), x), 1)
        x = self.norm(self.blocks(x + self.position))
        return self.head(x.mean(1) if self.token is None else x[:, 0])


def attention(path, tensors):
    if "relative" in path:
        return RelativeAttention(math.isqrt(tensors["q"].shape[2])), ("q", "k", "v", "table")
    if "documents" in path:
        return DocumentAttention(), ("q", "k", "v", "ids")
    return Attention("causal" in path), ("q", "k", "v")


def module(workload, tensors):
    """The workload's module and the names of the tensors that it takes."""
    build = {"gemm": lambda: (Gemm(), ("a", "b")),
             "linear": lambda: (Linear(tensors["weight"], tensors["bias"]), ("x",)),
             "conv": lambda: (Convolution(tensors["weight"]), ("x",)),
             "layer_norm": lambda: (LayerNorm(tensors["scale"], tensors["bias"]), ("x",)),
             "softmax": lambda: (nn.Softmax(-1), ("x",)),
             "gelu": lambda: (nn.GELU(), ("x",)),
             "attention": lambda: attention(workload.path, tensors),
             "vit_tiny": lambda: (VisionTransformer(tensors, 3, 1e-6), ("image",)),
             "mnist": lambda: (VisionTransformer(tensors, 4, 1e-5), ("image",))}
    return build[workload.family]()


def training_step(model, image, label, clip):
    """AdamW, with the options of the model in vision.cpp."""
    weights = [p for name, p in model.named_parameters() if p.dim() >= 2 and name not in ("token", "position")]
    others = [p for p in model.parameters() if not any(p is weight for weight in weights)]
    optimizer = torch.optim.AdamW([{"params": weights, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}],
                                  lr=1e-3, fused=True)

    def step(compiled):
        loss = F.cross_entropy(compiled(image), label)
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return {"loss": loss}

    return step


def step(workload, tensors, compiler):
    """A function that does the work once and gives results by the names of ours."""
    model, names = module(workload, tensors)
    inputs = [tensors[name] for name in names]
    if workload.entry == "train_step":
        train = training_step(model, *inputs, tensors["label"].long(), clip=workload.family == "mnist")
        compiled = compiler(model)
        return lambda: train(compiled)
    if workload.path.startswith("conv") and workload.path.endswith("backward"):
        return lambda: dict(zip(("gradient_x", "gradient_weight"), torch.ops.aten.convolution_backward(
            tensors["cotangent"], tensors["x"], model.weight.data, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1,
            [True, True, False])))
    compiled = compiler(model)
    if workload.model.endswith("_gradients"):
        floats = {name: tensor.requires_grad_() for name, tensor in zip(names, inputs) if tensor.is_floating_point()}
        parameters = {name.replace("weight", "scale"): tensor for name, tensor in model.named_parameters()}  # of norms
        sources = [*floats.values(), *parameters.values()]
        named = [f"gradient_{name}" for name in (*floats, *parameters)]

        def gradients():
            y = compiled(*inputs)
            return {"y": y, **dict(zip(named, torch.autograd.grad(y, sources, tensors["cotangent"])))}

        return gradients

    name = "logits" if "image" in names else "y"

    @torch.inference_mode()
    def forward():
        return {name: compiled(*inputs)}

    return forward


def onnx(workload, arrays):
    """An ONNX model of the workload, and its inputs."""
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    model, names = module(workload, tensors)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    program = torch.onnx.export(model.eval(), tuple(tensors[name] for name in names), input_names=list(names),
                                output_names=["logits" if "image" in names else "y"], opset_version=20, dynamo=True,
                                verbose=False)
    text = io.BytesIO()
    program.save(text)
    return text.getvalue(), {name: arrays[name] for name in names}
