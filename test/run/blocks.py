"""The blocks of lib/dsl/nn in PyTorch, in f64: the figures that blocks_test.cpp compares ours with, in blocks.txt.

usage: blocks.py BUILD            writes blocks.txt
       blocks.py BUILD --check    says whether it has what would be written
       blocks.py BUILD --large FILE    writes a file of ResNet-101 alone, for images of 224 by 224
Needs the peers (tools/bench.sh --install-peers); without them it says so and exits with 77.

A case is a line with its name and learning rate; a line for each input, parameter and state (which is kept, and not trained);
figures of outputs and looks in inference mode, then of a training step: its outputs and all gradients; the losses of five steps of
SGD with momentum 0.9, which are sums of outputs times cotangents; and what parameters and states are then. The large net takes one
step. Figures: sum, sum of squares, sum times a pattern, and three elements."""
import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bench"))
import with_peers

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "blocks.txt")
BOUND = 1e-9  # between machines, for --check


def uniform(name, count):
    """Well spread numbers in [-1, 1), by name and index: the same in blocks_test.cpp."""
    import numpy as np
    key = 2166136261
    for letter in name.encode():
        key = (key ^ letter) * 16777619 % 2**32
    z = (np.arange(count, dtype=np.uint64) * 0x9E3779B9 + key) % 2**32
    for shift, factor in (16, 0x85EBCA6B), (13, 0xC2B2AE35):
        z ^= z >> np.uint64(shift)
        z = z * np.uint64(factor) % np.uint64(2**32)
    return (z ^ (z >> np.uint64(16))) / 2.0**31 - 1


def values(name, shape):
    """Of an input, parameter or state: spread so that numbers neither vanish nor grow on their way through a net."""
    import torch
    u = torch.from_numpy(uniform(name, math.prod(shape))).reshape(shape)
    if name == "directions":
        return u
    if name.endswith(("scale", "running_variance")):
        return 1 + u / 2
    if "." not in name and name not in ("gamma", "position", "token"):
        return 1.5 * u  # an input
    fan = math.prod(shape[1:]) if len(shape) == 4 else shape[0] if len(shape) == 2 and name.endswith("weight") else 0
    return math.sqrt(3 / fan) * u if fan else u / 2


class Parameters:
    def __init__(self, kept=None, states=None, path=""):
        self.kept, self.states, self.path = ({} if kept is None else kept), ({} if states is None else states), path
        self.root, self.training = self, False

    def __truediv__(self, name):
        scope = Parameters(self.kept, self.states, f"{self.path}{name}.")
        scope.root, scope.training = self.root, self.root.training
        return scope

    def __call__(self, name, *shape):
        if self.path + name not in self.kept:
            self.kept[self.path + name] = values(self.path + name, shape).requires_grad_()
        return self.kept[self.path + name]

    def state(self, name, *shape):
        if self.path + name not in self.states:
            self.states[self.path + name] = values(self.path + name, shape)
        return self.states[self.path + name]


def figures(tensor):
    flat = tensor.detach().double().flatten()
    import torch
    pattern = torch.from_numpy(uniform("pattern", flat.numel()))
    places = [0, flat.numel() // 2, flat.numel() - 1]
    return [flat.sum().item(), flat.square().sum().item(), (flat * pattern).sum().item(), *(flat[i].item() for i in places)]


def lines_of(name, shapes):
    import torch
    from blocks_reference import CASES
    function, _, rate, steps = CASES[name]
    inputs = {key: values(key, shape).requires_grad_() for key, shape in shapes.items()}
    p = Parameters()
    outputs, looks = function(p, **inputs)
    yield f"case {name} {rate}"
    named = lambda kind, tensors: [f"{kind} {key} {' '.join(map(str, tensor.shape))}" for key, tensor in tensors.items()]
    yield from named("input", inputs) + named("parameter", p.kept) + named("state", p.states)
    yield from named("output", outputs) + named("look", looks)
    shown = lambda kind, tensors: [(kind, key, figures(tensor)) for key, tensor in tensors.items()]
    yield from shown("infers", outputs) + shown("infers", looks)
    optimizer, p.training, losses = torch.optim.SGD(p.kept.values(), lr=rate, momentum=0.9), True, []
    cotangents = {key: values("cotangent_" + key, tensor.shape) for key, tensor in outputs.items()}
    for step in range(steps):
        outputs, _ = function(p, **inputs)
        loss = sum((outputs[key] * cotangent).sum() for key, cotangent in cotangents.items())
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            yield from shown("trains", outputs)
            zero = lambda tensor: torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
            yield from shown("gradient", {key: zero(tensor) for key, tensor in (inputs | p.kept).items()})
        losses.append(loss.item())
        optimizer.step()
    yield ("losses", "", losses)
    if steps == 1:
        return
    yield from shown("becomes", p.kept) + shown("becomes", p.states)


def differs(line, expected):
    """Whether figures are further apart than sums in another order are."""
    kind, name, *theirs = expected.split()
    if isinstance(line, str) or (line[0], line[1]) not in ((kind, name), ("losses", "")):
        return line != expected
    theirs = [float(number) for number in (theirs if line[1] else [name, *theirs])]
    scale = max(map(abs, line[2])) + 1
    return not all(abs(a - b) <= BOUND * scale for a, b in zip(line[2], theirs, strict=True))


def text(line):
    if isinstance(line, str):
        return line
    kind, name, numbers = line
    return " ".join([kind, *([name] if name else []), *(f"{x:.12g}" for x in numbers)])


def main():
    with_peers.enter(os.path.abspath(sys.argv[1]))
    import torch
    torch.set_num_threads(1)
    from blocks_reference import CASES
    large = "--large" in sys.argv
    shapes = {name: inputs for name, (_, inputs, _, _) in CASES.items()}
    if large:
        shapes = {"resnet101_with_attention": {"x": (2, 3, 224, 224)}}
    lines = [line for name, inputs in shapes.items() for line in lines_of(name, inputs)]
    if "--check" not in sys.argv:
        with open(sys.argv[sys.argv.index("--large") + 1] if large else PATH, "w") as file:
            file.write("# By blocks.py, which says what it is.\n" + "".join(text(line) + "\n" for line in lines))
        return
    stored = open(PATH).read().splitlines()[1:]
    if len(stored) != len(lines):
        sys.exit(f"{PATH} has {len(stored)} lines, {len(lines)} would be written: run blocks.py {sys.argv[1]}")
    wrong = [(line, expected) for line, expected in zip(lines, stored) if differs(line, expected)]
    for line, expected in wrong[:10]:
        print(f"stored:  {expected}\nwritten: {text(line)}")
    sys.exit(f"{PATH}: {len(wrong)} lines would be others: run blocks.py {sys.argv[1]}" if wrong else 0)


if __name__ == "__main__":
    main()
