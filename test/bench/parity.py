"""ViT-Ti of the bench against PyTorch: logits, loss and every gradient, from the parameters that ours writes to a file.

usage: parity.py BUILD    Needs the peers (tools/bench.sh --install-peers); without them it says so and exits with 77."""
import json
import os
import sys

import with_peers

BUILD = os.path.abspath(sys.argv[1])
BATCH = 2
PARAMETERS = 5_717_416  # of timm's vit_tiny_patch16_224
BOUND = 1e-5  # of the largest element: f32 against f64


def read_safetensors(path):
    import numpy as np
    data = open(path, "rb").read()
    length = int.from_bytes(data[:8], "little")
    table = json.loads(data[8:8 + length])
    values = memoryview(data)[8 + length:]
    return {name: np.frombuffer(values[slice(*entry["data_offsets"])], np.float32).reshape(entry["shape"])
            for name, entry in table.items() if name != "__metadata__"}


def name_of_ours(name):
    for theirs, ours in ((".qkv.", ".attention.qkv."), (".projection.", ".attention.projection.")):
        name = name.replace(theirs, ours)
    return name[:-len("weight")] + "scale" if "norm" in name and name.endswith("weight") else name


def is_linear(name):
    return name.endswith(("qkv.weight", "projection.weight", "up.weight", "down.weight", "head.weight"))


def reference(tensors, image, label):
    """Logits, loss and gradients in f64, by the names of ours."""
    import torch
    from reference import VisionTransformer
    double = {name: torch.from_numpy(value.copy()).double() for name, value in tensors.items()}
    model = VisionTransformer(double, 3, 1e-6).double()
    logits = model(torch.from_numpy(image).double())
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(label).long())
    loss.backward()
    results = {"logits": logits.detach().numpy(), "loss": loss.detach().numpy()}
    for name, parameter in model.named_parameters():
        gradient = parameter.grad.numpy()
        results["gradient/" + name_of_ours(name)] = gradient.T if is_linear(name) else gradient
    return results


def ours(folder, arrays, path):
    from library import Library
    forward, gradients = (Library("vit_tiny", folder, 2, {"batch": BATCH}, entry) for entry in ("forward", "gradients"))
    results = {}
    for library in forward, gradients:
        library.bind(arrays)
        library.run()
        results |= library.outputs
    for tensor in gradients.parameters():
        results["gradient/" + tensor.name] = gradients.get("gradient/" + tensor.name, tensor.shape)
    gradients.check(gradients.function("save")(gradients.handle, path.encode()))
    return results


def main():
    with_peers.enter(BUILD)
    import numpy as np
    from bench import arrays_for
    from library import compile_model
    from workloads import Workload

    folder = f"{BUILD}/bench"
    compile_model("vit_tiny", folder, BUILD)
    arrays = arrays_for(Workload("vit_tiny/parity", "vit_tiny", entry="gradients", sizes={"batch": BATCH}), folder)
    results = ours(folder, arrays, f"{folder}/parity.safetensors")
    tensors = read_safetensors(f"{folder}/parity.safetensors")
    count = sum(value.size for value in tensors.values())
    if count != PARAMETERS:
        sys.exit(f"parity: the model has {count} parameters, and timm's {PARAMETERS}")
    expected = reference(tensors, arrays["image"], arrays["label"])
    if set(expected) != set(results):
        sys.exit(f"parity: only one side has {sorted(set(expected) ^ set(results))}")
    errors = {name: np.abs(results[name] - value).max() / np.abs(value).max() for name, value in expected.items()}
    for name, error in errors.items():
        if not error <= BOUND:
            print(f"{name}: differs by {error:.2g} of its largest element, more than {BOUND:g}")
    worst = max(errors, key=errors.get)
    print(f"{len(errors)} tensors, {count} parameters; the largest difference is {errors[worst]:.2g}, of {worst}")
    sys.exit(any(not error <= BOUND for error in errors.values()))


if __name__ == "__main__":
    main()
