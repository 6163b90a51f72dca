"""The blocks of lib/dsl/nn in PyTorch, written from their papers. `p` makes parameters: p("query.weight", 8, 6), in the
layout and by the name of ours; p / "query" is a scope. Each case is a function of p and its inputs that gives outputs to train
on and outputs to look at."""
import math

import torch
import torch.nn.functional as F

CASES = {}


def case(rate=0.01, steps=5, **inputs):
    """Registers a function under its name, with the steps of training and its inputs' shapes."""
    def register(function):
        CASES[function.__name__] = (function, inputs, rate, steps)
        return function
    return register


def linear(p, x, outputs, bias=True):
    y = x @ p("weight", x.shape[-1], outputs)
    return y + p("bias", outputs) if bias else y


def layer_norm(p, x, epsilon=1e-5):
    return F.layer_norm(x, x.shape[-1:], p("scale", x.shape[-1]), p("bias", x.shape[-1]), epsilon)


def conv(p, x, outputs, kernel=1, bias=True, groups=1, **options):
    weight = p("weight", outputs, x.shape[1] // groups, kernel, kernel)
    return F.conv2d(x, weight, p("bias", outputs) if bias else None, groups=groups, **options)


def batch_norm(p, x, momentum):
    c = x.shape[1]
    return F.batch_norm(x, p.state("running_mean", c), p.state("running_variance", c), p("scale", c), p("bias", c),
                        p.training, momentum, 1e-5)


def basic_conv(p, x, outputs, kernel=3, relu=True, norm=True, bias=False, momentum=0.01, **options):
    y = conv(p / "conv", x, outputs, kernel, bias, **options)
    if norm:
        y = batch_norm(p / "norm", y, momentum)
    return F.relu(y) if relu else y


def heads_of(x, heads):
    """(b, .., heads d) to (b, heads, .., d)."""
    return x.unflatten(-1, (heads, -1)).movedim(-2, 1)


def merge(x):
    return x.movedim(1, -2).flatten(-2)


def attend(q, k, v, scale=None, bias=0):
    weights = (q @ k.mT * (scale or q.shape[-1]**-0.5) + bias).softmax(-1)
    return weights @ v, weights


def pixels(x):
    return x.flatten(2).mT


# Attention with projections.


@case(q=(2, 1, 6, 8), k=(2, 1, 5, 8), v=(2, 1, 5, 4), seen=(6, 5), rows=(6, 1))
def dot_product(p, q, k, v, seen, rows):
    mask = (seen > 0) & (rows > 0)
    weights = (q * p("scale", 8) / 3 @ k.mT).masked_fill(~mask, -1e9).softmax(-1)
    return {"y": weights @ v, "weights": weights}, {}


def sublayer(p, q, k, v, heads, d_k, d_v, mask=None, residual=True, norm=True):
    """MultiHeadAttention of jadore801120/attention-is-all-you-need-pytorch, with projections (inputs, outputs)."""
    split = lambda name, x, d: linear(p / name, x, heads * d, False).view(*x.shape[:2], heads, d).transpose(1, 2)
    scores = split("query", q, d_k) / d_k**0.5 @ split("key", k, d_k).transpose(2, 3)
    if mask is not None:
        scores = scores.masked_fill(~mask.unsqueeze(1), -1e9)
    weights = scores.softmax(-1)
    y = weights @ split("value", v, d_v)
    y = linear(p / "projection", y.transpose(1, 2).reshape(*q.shape[:2], -1), q.shape[2], False)
    y = y + q if residual else y
    return layer_norm(p / "norm", y, 1e-6) if norm else y, weights


@case(x=(2, 6, 8), context=(2, 5, 8), seen=(2, 6, 5), rows=(1, 6, 1))
def attention_sublayer(p, x, context, seen, rows):
    y, weights = sublayer(p, x, context, context, 2, 3, 5, (seen > 0) & (rows > 0))
    return {"y": y}, {"weights": weights}


@case(x=(2, 8, 3, 4))
def attention_sublayer_pixels(p, x):
    tokens = pixels(x)
    y, weights = sublayer(p, tokens, tokens, tokens, 2, 4, 4)
    return {"y": y.mT.reshape(x.shape)}, {"weights": weights}


@case(x=(2, 8, 3, 4))
def attention_sublayer_runs(p, x):
    tokens = x.reshape(2, 12, 8)
    y, weights = sublayer(p, tokens, tokens, tokens, 2, 4, 4, residual=False, norm=False)
    return {"y": y.reshape(x.shape)}, {"weights": weights}


@case(x=(2, 8, 3, 4))
def convolutional_attention(p, x):
    """With a head at a time, its convolutions of one place, and scores (b, keys, queries)."""
    context, size, every = x.flatten(2), 5, []
    for head in range(4):
        part = lambda name: F.conv1d(context, (p / name)("weight", 8, 20).T[head * size:(head + 1) * size, :, None],
                                     (p / name)("bias", 20)[head * size:(head + 1) * size])
        q, k, v = part("query"), part("key"), part("value")
        u = (k[:, :, :, None] * q[:, :, None, :]).sum(1) / math.sqrt(size)
        every.append(v @ u.softmax(1))
    heads = torch.cat(every, 1)
    y = layer_norm(p / "norm1", linear(p / "projection", heads.mT, 8) + context.mT)
    y = layer_norm(p / "norm2", y + linear(p / "second", F.relu(linear(p / "first", y, 8)), 8))
    return {"y": y.mT.reshape(x.shape), "heads": heads.reshape(2, 20, 3, 4)}, {}


@case(x=(2, 3, 2, 4, 6))
def temporal_attention(p, x):
    y = torch.empty_like(x)
    q, k, v = linear(p / "qkv", x, 18, False).chunk(3, -1)
    rows = []
    for i in range(2):
        for j in range(4):
            every = [heads_of(each[:, :, i, j], 2) for each in (q, k, v)]
            rows.append(merge(attend(*every)[0]))
    y = torch.stack(rows, 2).reshape(2, 3, 2, 4, 6)
    return {"y": linear(p / "projection", y, 6)}, {}


# Gates.


def channel_gate(p, x, reduction, pools):
    """ChannelGate of Jongchan/attention-module."""
    c, total = x.shape[1], 0
    for pool in pools:
        if pool == "average":
            v = F.avg_pool2d(x, x.shape[2:]).flatten(1)
        elif pool == "max":
            v = F.max_pool2d(x, x.shape[2:]).flatten(1)
        elif pool == "lp":
            v = F.lp_pool2d(x, 2, x.shape[2:]).flatten(1)
        else:
            s = x.flatten(2).max(2, keepdim=True)[0]
            v = (s + (x.flatten(2) - s).exp().sum(2, keepdim=True).log()).flatten(1)
        total = total + linear(p / "up", F.relu(linear(p / "down", v, c // reduction)), c)
    gate = torch.sigmoid(total)[:, :, None, None]
    return x * gate, gate


@case(x=(2, 8, 5, 6))
def cbam(p, x):
    y, channels = channel_gate(p / "channel", x, 4, ("average", "max"))
    return {"y": y, "channels": channels}, {}


@case(x=(2, 8, 5, 6))
def cbam_everything(p, x):
    y, channels = channel_gate(p / "channel", x, 4, ("average", "max", "lp", "lse"))
    pools = torch.cat((y.max(1, keepdim=True)[0], y.mean(1, keepdim=True)), 1)
    places = torch.sigmoid(basic_conv(p / "spatial", pools, 1, 7, relu=False, padding=3))
    return {"y": y * places, "channels": channels, "places": places}, {}


@case(x=(2, 8, 5, 6))
def squeeze_excitation(p, x):
    y, gate = channel_gate(p, x, 2, ("average",))
    return {"y": y, "gate": gate}, {}


@case(x=(2, 4, 9, 7))
def basic_convs(p, x):
    y = basic_conv(p / "all", x, 6, bias=True, groups=2, stride=2, dilation=2, padding=1)
    z = basic_conv(p / "plain", x, 6, 1, relu=False, norm=False, bias=True)
    return {"y": y, "z": z}, {}


@case(x=(3, 7))
def feature_attention(p, x):
    weights = linear(p / "all" / "fc", x, 7).softmax(-1)
    one = linear(p / "one" / "fc", x, 1).softmax(-1)
    return {"y": weights * x, "weights": weights, "z": one * x}, {}


@case(x=(2, 4, 6, 5), signal=(2, 3, 3, 3))
def attention_gate(p, x, signal):
    """attention, https://github.com/ozan-oktay/Attention-Gated-Networks, with the signal resized after its convolution."""
    theirs = F.interpolate(conv(p / "other", signal, 3), size=(6, 5), mode="bilinear", align_corners=False)
    gate = torch.sigmoid(conv(p / "psi", F.relu(conv(p / "own", x, 3, bias=False) + theirs), 1))
    return {"y": x * gate, "gate": gate}, {}


# Positions.


def soft_attention(p, x, outputs, scaled, residual):
    b, c, h, w = x.shape
    q, k = conv(p / "query", x, outputs // 2).flatten(2), conv(p / "key", x, outputs // 2).flatten(2)
    scores = torch.einsum("bcq,bck->bqk", q, k)
    weights = (scores / math.sqrt(outputs / 2) if scaled else scores).softmax(-1)
    y = torch.bmm(conv(p / "value", x, outputs).flatten(2), weights.mT).view(b, outputs, h, w) * p("gamma", 1)
    if residual:
        y = y + (x if c == outputs else conv(p / "skip", x, outputs))
    return {"y": y}, {"weights": weights}


@case(x=(2, 8, 4, 5))
def soft_attention_scaled(p, x):
    return soft_attention(p, x, 8, True, True)


@case(x=(2, 6, 4, 5))
def soft_attention_skip(p, x):
    return soft_attention(p, x, 8, False, True)


@case(x=(2, 6, 4, 5))
def soft_attention_bare(p, x):
    return soft_attention(p, x, 4, True, False)


def position_score(p, tokens, hidden=None, gated=False):
    x = tokens
    if gated:
        x = torch.tanh(linear(p / "first", x, hidden)) * torch.sigmoid(linear(p / "gate", x, hidden))
    elif hidden:
        x = F.relu(linear(p / "first", x, hidden))
    return linear(p / "score", x, 1).squeeze(-1)


@case(x=(2, 8, 3, 4))
def position_pools(p, x):
    tokens, outputs = pixels(x), {}
    for name, options in ("plain", {}), ("hidden", {"hidden": 6}), ("gated", {"hidden": 6, "gated": True}):
        weights = position_score(p / name, tokens, **options).softmax(-1)
        outputs |= {name: (weights[..., None] * tokens).sum(1), name + "_weights": weights.view(2, 3, 4)}
    weights = position_score(p / "single", tokens)[..., None].softmax(-1)
    return outputs | {"single": (weights * tokens).sum(1), "single_weights": weights.view(2, 3, 4)}, {}


def position_attention(p, x, hidden=512):
    weights = position_score(p, pixels(x), hidden).softmax(-1)
    y = torch.einsum("bn,bcn->bc", weights, x.flatten(2))
    return y[:, :, None, None].expand_as(x), weights.view(x.shape[0], *x.shape[2:])


@case(x=(2, 8, 3, 4))
def position_attention_layer(p, x):
    y, weights = position_attention(p, x)
    return {"y": x + y, "weights": weights}, {}


@case(x=(2, 3, 7, 6), line=(2, 9, 3))
def local_attention_pools(p, x, line):
    """As sums of exponentials over windows, which have zeros in the padding."""
    def pool(p, x, size, **options):
        e = torch.exp(conv(p / "score", x, 1))
        return F.avg_pool2d(x * e, size, **options) / F.avg_pool2d(e, size, **options)
    row = pool(p / "line", line.mT[:, :, None], (1, 4), padding=(0, 2))
    return {"y": pool(p / "image", x, 3, stride=2, padding=1), "z": row.squeeze(2).mT}, {}


@case(x=(3, 4, 2, 3))
def hard_attention_pool(p, x):
    scores = position_score(p, pixels(x))
    chosen = F.one_hot(scores.argmax(-1), 6).to(x.dtype)
    soft = scores.softmax(-1)
    weights = chosen + soft - soft.detach()
    probability = torch.log((chosen * soft).sum(-1))
    return {"y": (weights[..., None] * pixels(x)).sum(1), "log_probability": probability}, {}


# Hashes and losses.


@case(query=(2, 7, 2), gallery=(2, 9, 2))
def buckets(p, query, gallery):
    directions, epsilon, count = p.state("directions", 2, 2), 0.1, 8

    def place(x):
        return (x @ directions.T).sum(-1) / (len(directions) * x.abs().sum(-1))

    def near(a, b):
        bucket = lambda z: min(int(math.floor((z + 1) / 2 * count)), count - 1)
        if abs(bucket(a) - bucket(b)) == 1:
            edge = max(bucket(a), bucket(b)) / count * 2 - 1
            return abs(a - edge) <= epsilon and abs(b - edge) <= epsilon
        return bucket(a) == bucket(b)

    z, w = place(query * p("scale", 2)), place(gallery)
    candidates = torch.tensor([[[near(a, b) for b in other] for a in one] for one, other in zip(z.tolist(), w.tolist())])
    return {"place": z, "others": w}, {"candidates": candidates.to(z.dtype)}


@case(x=(2, 4, 6), map=(2, 4, 6))
def attention_losses(p, x, map):
    x, scale = x.square() * p("scale", 6), 16 / 24
    focal = lambda x, gamma: (1 - torch.exp(-x))**gamma * x
    mask = (map > 0.5).to(x.dtype)
    masked = (focal(x, 3) * mask).sum() / mask.sum() * scale
    return {"all": focal(x, 2).mean() * scale, "masked": masked}, {}


# Backbones.


def basic_block(p, x, width, stride):
    y = basic_conv(p / "first", x, width, stride=stride, padding=1, momentum=0.1)
    y = basic_conv(p / "second", y, width, padding=1, relu=False, momentum=0.1)
    if stride != 1 or x.shape[1] != width:
        x = basic_conv(p / "skip", x, width, 1, stride=stride, relu=False, momentum=0.1)
    return F.relu(x + y)


def bottleneck(p, x, width, stride):
    y = basic_conv(p / "first", x, width, 1, momentum=0.1)
    y = basic_conv(p / "second", y, width, stride=stride, padding=1, momentum=0.1)
    y = basic_conv(p / "third", y, 4 * width, 1, relu=False, momentum=0.1)
    if stride != 1 or x.shape[1] != 4 * width:
        x = basic_conv(p / "skip", x, 4 * width, 1, stride=stride, relu=False, momentum=0.1)
    return F.relu(x + y)


def resnet(p, x, block, depths, width, classes, after=lambda stage, x: x):
    x = basic_conv(p / "stem", x, width, 7, stride=2, padding=3, momentum=0.1)
    x = F.max_pool2d(x, 3, 2, 1)
    for stage, depth in enumerate(depths):
        for i in range(depth):
            x = block(p / "stages" / stage / i, x, width << stage, 2 if stage and not i else 1)
        x = after(stage, x)
    return linear(p / "fc", x.mean((2, 3)), classes)


@case(rate=0.0002, x=(4, 3, 64, 64))
def resnet18(p, x):
    return {"logits": resnet(p, x, basic_block, (2, 2, 2, 2), 4, 5)}, {}


def resnet_with_attention(p, x, depths, width, classes, hidden):
    """With a self-attention layer after each stage added to its input, and its maps."""
    maps = {}

    def after(stage, x):
        y, maps[f"map{stage}"] = position_attention(p / "attention" / stage, x, hidden)
        return x + y
    return {"logits": resnet(p / "resnet", x, bottleneck, depths, width, classes, after)} | maps, {}


@case(rate=0.0002, x=(4, 3, 64, 64))
def resnet_small_with_attention(p, x):
    return resnet_with_attention(p, x, (1, 1, 2, 1), 4, 5, 8)


@case(steps=1, x=(4, 3, 64, 64))
def resnet101_with_attention(p, x):
    return resnet_with_attention(p, x, (3, 4, 23, 3), 64, 1000, 512)


def mlp(p, x):
    return linear(p / "down", F.gelu(linear(p / "up", x, 4 * x.shape[-1])), x.shape[-1])


@case(x=(2, 3, 8, 12))
def vision_transformer(p, x):
    tokens = pixels(conv(p / "patches", x, 8, 4, stride=4))
    tokens = torch.cat((p("token", 1, 8).expand(2, 1, 8), tokens), 1) + p("position", 7, 8)
    for i in range(2):
        q = p / "blocks" / i
        every = linear(q / "attention" / "qkv", layer_norm(q / "norm1", tokens, 1e-6), 24).chunk(3, -1)
        y, _ = attend(*(heads_of(part, 2) for part in every))
        tokens = tokens + linear(q / "attention" / "projection", merge(y), 8)
        tokens = tokens + mlp(q, layer_norm(q / "norm2", tokens, 1e-6))
    return {"logits": linear(p / "head", layer_norm(p / "norm", tokens[:, 0], 1e-6), 5)}, {}


def swin_block(p, x, heads, window, shift):
    """x (b, h, w, c), window by window; pixels of a shifted window that came around an edge are told apart by region."""
    b, h, w, c = x.shape
    cells = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
    rows, columns = cells[:, :, None] - cells[:, None, :] + window - 1
    table = (p / "attention")("relative_bias", (2 * window - 1)**2, heads)
    bias = table[(rows * (2 * window - 1) + columns).flatten()].view(window**2, window**2, heads).permute(2, 0, 1)
    region = torch.zeros(h, w)
    for i, down in enumerate((slice(0, h - window), slice(h - window, h - shift), slice(h - shift, h))):
        for j, across in enumerate((slice(0, w - window), slice(w - window, w - shift), slice(w - shift, w))):
            if shift:
                region[down, across] = 3 * i + j
    y = torch.roll(layer_norm(p / "norm1", x), (-shift, -shift), (1, 2))
    qkv, result = linear(p / "attention" / "qkv", y, 3 * c), torch.zeros_like(y)
    for i in range(0, h, window):
        for j in range(0, w, window):
            part = qkv[:, i:i + window, j:j + window].reshape(b, window**2, 3 * c)
            own = region[i:i + window, j:j + window].flatten()
            far = torch.where(own[:, None] == own, 0.0, -math.inf).to(x.dtype)
            z, _ = attend(*(heads_of(each, heads) for each in part.chunk(3, -1)), bias=bias + far)
            result[:, i:i + window, j:j + window] = merge(z).view(b, window, window, c)
    x = x + torch.roll(linear(p / "attention" / "projection", result, c), (shift, shift), (1, 2))
    return x + mlp(p, layer_norm(p / "norm2", x))


@case(x=(2, 3, 16, 16))
def swin(p, x):
    x = layer_norm(p / "norm0", conv(p / "patches", x, 8, 2, stride=2).permute(0, 2, 3, 1))
    for i, shift in enumerate((0, 2)):
        x = swin_block(p / "stages" / 0 / i, x, 2, 4, shift)
    x = torch.cat([x[:, i::2, j::2] for j in (0, 1) for i in (0, 1)], -1)
    q = p / "stages" / 1
    x = linear(q / "merging" / "reduction", layer_norm(q / "merging" / "norm", x), 16, False)
    for i in range(2):
        x = swin_block(q / i, x, 4, 4, 0)
    return {"logits": linear(p / "head", layer_norm(p / "norm", x).mean((1, 2)), 5)}, {}
