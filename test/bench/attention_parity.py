"""Attention against PyTorch: scaled_dot_product_attention with grouped heads, masks and biases, MultiheadAttention, and
FlexAttention, whose gradients, which it has on no CPU, are those of the formula. Results and every gradient, f32 against f64.

usage: attention_parity.py BUILD    Needs the peers (tools/bench.sh --install-peers); without them it says so and exits with 77."""
import math
import os
import sys

import with_peers

BUILD = os.path.abspath(sys.argv[1])
BOUND = 1e-5  # of the largest element


def grouped(t):
    from torch.nn.functional import scaled_dot_product_attention
    return scaled_dot_product_attention(t["q"], t["k"], t["v"], is_causal=True, enable_gqa=True)


def masked(t):
    import torch
    from torch.nn.functional import scaled_dot_product_attention
    mask = torch.where(t["seen"] > 0, 0.0, -math.inf) + t["bias"]
    return scaled_dot_product_attention(t["q"], t["k"], t["v"], attn_mask=mask)


def flex(t):
    import torch
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention
    tokens, ids = t["q"].shape[2], t["ids"]

    def score(s, b, h, i, j):
        return 2 * torch.tanh(s / 2) + 2.0**(-8 * (h + 1) / 4) * (j - i)

    def mask(b, h, i, j):
        return ids[b, i] == ids[b, j]

    place = torch.arange(tokens)
    heads = torch.arange(4)[:, None, None]
    scores = score(t["q"] @ t["k"].mT / math.sqrt(t["q"].shape[3]), None, heads, place[:, None], place)
    seen = (ids[:, :, None] == ids[:, None, :])[:, None]
    formula = torch.where(seen, scores, -math.inf).softmax(-1) @ t["v"]
    blocks = create_block_mask(mask, 2, None, tokens, tokens, device="cpu")
    theirs = flex_attention(*(t[name].detach() for name in "qkv"), score_mod=score, block_mask=blocks)
    difference = (theirs - formula).abs().max().item()
    if not difference < 1e-6:
        sys.exit(f"attention_parity: the formula and FlexAttention differ by {difference:g}")
    return formula


def multihead(t):
    import torch
    width = t["x"].shape[2]
    module = torch.nn.MultiheadAttention(width, 3, bias=False, batch_first=True).double()
    parameters = {"in_proj_weight": t["qkv"].T, "out_proj.weight": t["projection"].T}
    return torch.func.functional_call(module, parameters, (t["x"], t["x"], t["x"]), {"need_weights": False})[0]


def low_errors(library, arrays):
    """Of bf16 gradients, ours and PyTorch's, against f64: the root of the mean square, as part of that of the gradient."""
    import numpy as np
    import torch
    from torch.nn.functional import scaled_dot_product_attention
    rounded = {name: torch.from_numpy(array.copy()).bfloat16() for name, array in arrays.items()}

    def gradients(dtype, cotangent):
        inputs = [rounded[name].to(dtype).requires_grad_() for name in "qkv"]
        y = scaled_dot_product_attention(*inputs, is_causal=True)
        return [gradient.double().numpy() for gradient in torch.autograd.grad(y, inputs, cotangent.to(dtype))]

    cotangent = rounded["cotangent"]  # given rounded, since PyTorch would round it
    exact, theirs = gradients(torch.float64, cotangent), gradients(torch.bfloat16, cotangent)
    for i, name in enumerate("qkv"):
        size = np.sqrt(np.mean(exact[i]**2))
        yield name, *(np.sqrt(np.mean((other - exact[i])**2)) / size
                      for other in (library.outputs["gradient_" + name], theirs[i]))


def main():
    with_peers.enter(BUILD)
    import numpy as np
    import torch
    from bench import arrays_for
    from library import Library, compile_model
    from workloads import Workload

    folder, failed = f"{BUILD}/bench", False
    for function in grouped, masked, flex, multihead:
        model = "parity_" + function.__name__
        compile_model(model, folder, BUILD)
        arrays = arrays_for(Workload(model, model), folder)
        library = Library(model, folder, 2, {}, "forward")
        library.bind(arrays)
        library.run()
        tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
        tensors = {name: tensor.double().requires_grad_() if tensor.is_floating_point() else tensor
                   for name, tensor in tensors.items()}
        y = function(tensors)
        expected = {"y": y.detach().numpy()}
        inputs = [name for name, tensor in tensors.items() if tensor.requires_grad and name != "cotangent"]
        gradients = torch.autograd.grad(y, [tensors[name] for name in inputs], tensors["cotangent"].detach())
        expected |= {"gradient_" + name: gradient.numpy() for name, gradient in zip(inputs, gradients)}
        for name, value in expected.items():
            error = np.abs(library.outputs[name] - value).max() / np.abs(value).max()
            failed |= not error <= BOUND
            print(f"{function.__name__}: {name} differs by {error:.2g} of its largest element")
        library.close()
    compile_model("parity_low", folder, BUILD)
    arrays = arrays_for(Workload("parity_low", "parity_low"), folder)
    arrays["cotangent"][:] = torch.from_numpy(arrays["cotangent"]).bfloat16().float().numpy()
    library = Library("parity_low", folder, 2, {}, "forward")
    library.bind(arrays)
    library.run()
    for name, ours, theirs in low_errors(library, arrays):
        failed |= not ours <= theirs / 2
        print(f"bf16: gradient_{name} has {ours:.2g} of error, PyTorch's {theirs:.2g}")
    library.close()
    sys.exit(failed)


if __name__ == "__main__":
    main()
