#!/usr/bin/env python3
"""Independent oracle of training: a small vision transformer in numpy (float64) with backward passes written by hand.

Writes trace.safetensors, which the run tests compare compiled training with: ten steps of AdamW and five of SGD, from
the same initial parameters. It checks its own gradients by finite differences first. Usage: trace.py [OUTPUT]

    initial.NAME            parameters at the start, exact in float32, as are images and rates
    gradient1.NAME          gradients of the first step's loss at the initial parameters, not clipped
    step.K.image, .label    batch of AdamW step K (K from 0)
    step.K.rate             learning rate
    step.K.loss, .logits    of that batch, before the update
    step.K.norm             global norm of the gradients before clipping
    after1.NAME, final.NAME parameters after the first and after the last AdamW step
    sgd.K.rate              learning rate of SGD update K, which accumulates the batches step.2K and step.(2K+1)
    sgd.K.loss              the losses of its two batches, before the update
    sgd.final.NAME          parameters after the last SGD update
"""

import json
import math
import pathlib
import sys

import numpy as np

WIDTH, HEADS, DEPTH, CLASSES = 16, 4, 2, 10
HEAD_SIZE = WIDTH // HEADS
PATCH, SIDE = 7, 4
TOKENS = SIDE * SIDE
NORM_EPSILON = 1e-5

BATCHES = [3, 5, 8, 5, 3, 8, 8, 3, 5, 3]
RATES = [k / 4096 for k in (2, 5, 10, 16, 16, 14, 11, 8, 5, 2)]
BETA1, BETA2, ADAM_EPSILON, ADAM_DECAY = 0.9, 0.999, 1e-8, 0.05
CLIP_NORM = 1.0

SGD_RATES = [k / 256 for k in (4, 12, 16, 10, 5)]
MOMENTUM, SGD_DECAY = 0.9, 1e-4
SGD_SCALE = 0.5  # averages the two accumulated batches

# With this seed no gradient of the first step is so small that rounding could turn its sign (which is all that Adam
# takes from it), and the gradient norm is below CLIP_NORM in some steps and above it in the others.
SEED = 74


class Random:
    """A 64-bit linear congruential generator (Knuth's MMIX constants); its upper bits are used."""

    def __init__(self, seed):
        self.state = seed

    def bits(self, count):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return self.state >> (64 - count)

    def uniform(self, shape, low, high):
        values = [self.bits(24) / 2**24 for _ in range(math.prod(shape))]
        return (low + (high - low) * np.array(values)).astype(np.float32).astype(np.float64).reshape(shape)

    def integers(self, shape, limit):
        return np.array([self.bits(32) % limit for _ in range(math.prod(shape))]).reshape(shape)


def initial_parameters(random):
    """Nothing starts at 0 or 1: a bias that is dropped or a scale that is not applied must show."""
    parameters = {}

    def weight(name, shape, fan_in):
        bound = math.sqrt(3 / fan_in)
        parameters[name] = random.uniform(shape, -bound, bound)

    def bias(name, size):
        parameters[name] = random.uniform((size,), -0.1, 0.1)

    def norm(name):
        parameters[name + ".scale"] = random.uniform((WIDTH,), 0.75, 1.25)
        bias(name + ".bias", WIDTH)

    weight("patches.weight", (WIDTH, 1, PATCH, PATCH), PATCH * PATCH)
    bias("patches.bias", WIDTH)
    parameters["position"] = random.uniform((TOKENS, WIDTH), -0.5, 0.5)
    for n in range(DEPTH):
        block = f"blocks.{n}."
        norm(block + "norm1")
        weight(block + "attention.qkv.weight", (WIDTH, 3 * WIDTH), WIDTH)
        weight(block + "attention.projection.weight", (WIDTH, WIDTH), WIDTH)
        bias(block + "attention.projection.bias", WIDTH)
        norm(block + "norm2")
        weight(block + "up.weight", (WIDTH, 4 * WIDTH), WIDTH)
        bias(block + "up.bias", 4 * WIDTH)
        weight(block + "down.weight", (4 * WIDTH, WIDTH), 4 * WIDTH)
        bias(block + "down.bias", WIDTH)
    norm("norm")
    weight("head.weight", (WIDTH, CLASSES), 16 * WIDTH)
    bias("head.bias", CLASSES)
    return parameters


# Layers. forward gives the result and what backward needs; backward takes the result's gradient, writes the
# parameters' gradients into `gradients` and gives the input's.

def flat(x):
    return x.reshape(-1, x.shape[-1])


def linear_forward(p, name, x):
    y = x @ p[name + ".weight"]
    return (y + p[name + ".bias"] if name + ".bias" in p else y), x


def linear_backward(p, name, x, dy, gradients):
    gradients[name + ".weight"] = flat(x).T @ flat(dy)
    if name + ".bias" in p:
        gradients[name + ".bias"] = flat(dy).sum(0)
    return dy @ p[name + ".weight"].T


def norm_forward(p, name, x):
    centred = x - x.mean(-1, keepdims=True)
    rstd = 1 / np.sqrt((centred**2).mean(-1, keepdims=True) + NORM_EPSILON)
    normal = centred * rstd
    return normal * p[name + ".scale"] + p[name + ".bias"], (normal, rstd)


def norm_backward(p, name, saved, dy, gradients):
    normal, rstd = saved
    gradients[name + ".scale"] = flat(dy * normal).sum(0)
    gradients[name + ".bias"] = flat(dy).sum(0)
    d = dy * p[name + ".scale"]
    return rstd * (d - d.mean(-1, keepdims=True) - normal * (d * normal).mean(-1, keepdims=True))


erf = np.vectorize(math.erf, otypes=[np.float64])


def gelu_forward(x):
    return x * 0.5 * (1 + erf(x / math.sqrt(2))), x


def gelu_backward(x, dy):
    cumulative = 0.5 * (1 + erf(x / math.sqrt(2)))
    density = np.exp(-0.5 * x**2) / math.sqrt(2 * math.pi)
    return dy * (cumulative + x * density)


def attention_forward(p, name, x):
    batch = x.shape[0]
    qkv, saved_qkv = linear_forward(p, name + ".qkv", x)
    q, k, v = qkv.reshape(batch, TOKENS, 3, HEADS, HEAD_SIZE).transpose(2, 0, 3, 1, 4)
    scores = q @ k.swapaxes(-1, -2) / math.sqrt(HEAD_SIZE)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    mixed = (weights @ v).transpose(0, 2, 1, 3).reshape(batch, TOKENS, WIDTH)
    y, saved_projection = linear_forward(p, name + ".projection", mixed)
    return y, (saved_qkv, q, k, v, weights, saved_projection)


def attention_backward(p, name, saved, dy, gradients):
    saved_qkv, q, k, v, weights, saved_projection = saved
    batch = dy.shape[0]
    dmixed = linear_backward(p, name + ".projection", saved_projection, dy, gradients)
    dmixed = dmixed.reshape(batch, TOKENS, HEADS, HEAD_SIZE).transpose(0, 2, 1, 3)
    dv = weights.swapaxes(-1, -2) @ dmixed
    dweights = dmixed @ v.swapaxes(-1, -2)
    dscores = weights * (dweights - (dweights * weights).sum(-1, keepdims=True)) / math.sqrt(HEAD_SIZE)
    dq = dscores @ k
    dk = dscores.swapaxes(-1, -2) @ q
    dqkv = np.stack([dq, dk, dv]).transpose(1, 3, 0, 2, 4).reshape(batch, TOKENS, 3 * WIDTH)
    return linear_backward(p, name + ".qkv", saved_qkv, dqkv, gradients)


def patches_forward(p, image):
    batch = image.shape[0]
    cut = image.reshape(batch, SIDE, PATCH, SIDE, PATCH).transpose(0, 1, 3, 2, 4).reshape(batch, TOKENS, PATCH * PATCH)
    return cut @ p["patches.weight"].reshape(WIDTH, -1).T + p["patches.bias"], cut


def patches_backward(cut, dy, gradients):
    gradients["patches.weight"] = (flat(dy).T @ flat(cut)).reshape(WIDTH, 1, PATCH, PATCH)
    gradients["patches.bias"] = flat(dy).sum(0)


# The model.

def forward(p, image):
    x, saved_patches = patches_forward(p, image)
    x = x + p["position"]
    saved_blocks = []
    for n in range(DEPTH):
        block = f"blocks.{n}."
        y, norm1 = norm_forward(p, block + "norm1", x)
        y, attention = attention_forward(p, block + "attention", y)
        x = x + y
        y, norm2 = norm_forward(p, block + "norm2", x)
        y, up = linear_forward(p, block + "up", y)
        y, gelu = gelu_forward(y)
        y, down = linear_forward(p, block + "down", y)
        x = x + y
        saved_blocks.append((norm1, attention, norm2, up, gelu, down))
    x, norm = norm_forward(p, "norm", x)
    logits, head = linear_forward(p, "head", x.mean(1))
    return logits, (saved_patches, saved_blocks, norm, head)


def backward(p, saved, dlogits):
    gradients = {}
    saved_patches, saved_blocks, norm, head = saved
    dmean = linear_backward(p, "head", head, dlogits, gradients)
    dx = np.repeat(dmean[:, None, :] / TOKENS, TOKENS, axis=1)
    dx = norm_backward(p, "norm", norm, dx, gradients)
    for n in reversed(range(DEPTH)):
        block = f"blocks.{n}."
        norm1, attention, norm2, up, gelu, down = saved_blocks[n]
        dy = linear_backward(p, block + "down", down, dx, gradients)
        dy = gelu_backward(gelu, dy)
        dy = linear_backward(p, block + "up", up, dy, gradients)
        dx = dx + norm_backward(p, block + "norm2", norm2, dy, gradients)
        dy = attention_backward(p, block + "attention", attention, dx, gradients)
        dx = dx + norm_backward(p, block + "norm1", norm1, dy, gradients)
    gradients["position"] = dx.sum(0)
    patches_backward(saved_patches, dx, gradients)
    return gradients


def cross_entropy(logits, label):
    """The mean loss over the batch and its gradient in the logits."""
    rows = np.arange(len(label))
    shifted = logits - logits.max(-1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(-1, keepdims=True))
    loss = (log_sum[:, 0] - shifted[rows, label]).mean()
    dlogits = np.exp(shifted - log_sum)
    dlogits[rows, label] -= 1
    return loss, dlogits / len(label)


def loss_and_gradients(p, image, label):
    logits, saved = forward(p, image)
    loss, dlogits = cross_entropy(logits, label)
    return loss, logits, backward(p, saved, dlogits)


def decayed(name, value):
    return value.ndim >= 2 and name != "position"


def train_adamw(p, batches, trace):
    """Loshchilov and Hutter's AdamW; gradients are clipped together by their global norm."""
    p = dict(p)
    m = {name: np.zeros_like(value) for name, value in p.items()}
    v = {name: np.zeros_like(value) for name, value in p.items()}
    for step, ((image, label), rate) in enumerate(zip(batches, RATES)):
        loss, logits, gradients = loss_and_gradients(p, image, label)
        norm = math.sqrt(sum((g**2).sum() for g in gradients.values()))
        scale = min(1, CLIP_NORM / (norm + 1e-6))
        for name in p:
            g = scale * gradients[name]
            m[name] = BETA1 * m[name] + (1 - BETA1) * g
            v[name] = BETA2 * v[name] + (1 - BETA2) * g**2
            mean = m[name] / (1 - BETA1 ** (step + 1))
            square = v[name] / (1 - BETA2 ** (step + 1))
            decay = ADAM_DECAY if decayed(name, p[name]) else 0
            p[name] = p[name] - rate * (mean / (np.sqrt(square) + ADAM_EPSILON) + decay * p[name])
        trace |= {f"step.{step}.image": image, f"step.{step}.label": label.astype(np.int32),
                  f"step.{step}.rate": rate, f"step.{step}.loss": loss, f"step.{step}.logits": logits,
                  f"step.{step}.norm": norm}
        if step == 0:
            trace |= {"gradient1." + name: value for name, value in gradients.items()}
            trace |= {"after1." + name: value for name, value in p.items()}
        print(f"adamw {step}: batch {len(label)}, loss {loss:.6f}, gradient norm {norm:.4f}")
    trace |= {"final." + name: value for name, value in p.items()}


def train_sgd(p, batches, trace):
    """SGD with Nesterov momentum as PyTorch defines it; each update sums the gradients of two batches."""
    p = dict(p)
    buffer = {name: np.zeros_like(value) for name, value in p.items()}
    for step, rate in enumerate(SGD_RATES):
        (loss1, _, gradients1), (loss2, _, gradients2) = (loss_and_gradients(p, *batches[2 * step + k]) for k in (0, 1))
        for name in p:
            g = SGD_SCALE * (gradients1[name] + gradients2[name])
            if decayed(name, p[name]):
                g = g + SGD_DECAY * p[name]
            buffer[name] = MOMENTUM * buffer[name] + g
            p[name] = p[name] - rate * (g + MOMENTUM * buffer[name])
        trace |= {f"sgd.{step}.rate": rate, f"sgd.{step}.loss": np.array([loss1, loss2])}
        print(f"sgd {step}: losses {loss1:.6f} {loss2:.6f}")
    trace |= {"sgd.final." + name: value for name, value in p.items()}


def check_gradients(p, image, label, random):
    """Compares a few entries of every gradient with central differences; gives the largest error, relative to the
    largest entry of its parameter's gradient."""
    _, _, gradients = loss_and_gradients(p, image, label)
    if gradients.keys() != p.keys():
        sys.exit("trace.py: backward does not give one gradient per parameter")
    step, worst = 1e-5, 0.0
    for name, value in p.items():
        for index in random.integers((4,), value.size):
            def loss_at(offset):
                moved = value.copy()
                moved.flat[index] += offset
                return cross_entropy(forward({**p, name: moved}, image)[0], label)[0]

            numeric = (loss_at(step) - loss_at(-step)) / (2 * step)
            error = abs(numeric - gradients[name].flat[index]) / abs(gradients[name]).max()
            worst = max(worst, error)
            if not error < 1e-7:
                sys.exit(f"trace.py: gradient of {name} at {index}: {gradients[name].flat[index]}, "
                         f"but finite differences give {numeric}")
    return worst


def write_safetensors(path, tensors):
    """F64 before I32, so that every tensor is aligned."""
    header, data = {}, b""
    arrays = {name: np.asarray(value) for name, value in tensors.items()}
    for name, array in sorted(arrays.items(), key=lambda item: -item[1].itemsize):
        dtype, stored = ("I32", "<i4") if array.dtype == np.int32 else ("F64", "<f8")
        raw = array.astype(stored).tobytes()
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def main():
    output = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).with_name("trace.safetensors")
    random = Random(SEED)
    p = initial_parameters(random)
    batches = [((random.integers((size, 1, 28, 28), 9) - 4) / 4, random.integers((size,), CLASSES)) for size in BATCHES]
    print(f"largest finite-difference error: {check_gradients(p, *batches[0], random):.2e}")

    trace = {"initial." + name: value for name, value in p.items()}
    train_adamw(p, batches, trace)
    train_sgd(p, batches, trace)
    write_safetensors(output, trace)


if __name__ == "__main__":
    main()
