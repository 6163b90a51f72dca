"""What is measured, by path. A speed is counted in FLOPs, or in bytes where memory is what bounds it."""
from dataclasses import dataclass, field

FORWARD = ("pytorch", "torch.compile", "onnxruntime")
TRAINING = ("pytorch", "torch.compile")


@dataclass(frozen=True)
class Workload:
    path: str
    model: str  # of fovea-bench-models, or NAME.mlir here
    peers: tuple = FORWARD
    entry: str = "forward"
    sizes: dict = field(default_factory=dict)
    flops: float = 0  # of the multiplications and additions that the textbook's algorithm takes
    bytes: float = 0  # read and written at least

    @property
    def family(self):
        return self.path.split("/")[0]

    @property
    def kind(self):
        last = self.path.split("/")[-1]
        return last if last in ("memory", "compile") else "time"


def contractions():
    for n in (64, 512, 1024, 2048):
        yield Workload(f"gemm/{n}", f"gemm_{n}", ("pytorch", "openblas"), flops=2 * n**3)
    for rows, inputs, outputs in ((1576, 192, 576), (1576, 192, 768), (1576, 768, 192), (197, 192, 576)):
        shape = f"{rows}x{inputs}x{outputs}"
        yield Workload(f"linear/{shape}", f"linear_{shape}", ("pytorch", "onnxruntime", "openblas"),
                       flops=2 * rows * inputs * outputs)
    flops = 2 * 8 * 56 * 56 * 64 * 64 * 9
    yield Workload("conv/8x64x56x56/forward", "conv_8x64x56x56", ("pytorch", "onnxruntime"), flops=flops)
    yield Workload("conv/8x64x56x56/backward", "conv_8x64x56x56_backward", ("pytorch",), flops=2 * flops)


def rows():
    """Training stores y, and reads and writes as much for x and the cotangent."""
    for family, count, width in (("layer_norm", 1576, 768), ("softmax", 4728, 197), ("gelu", 1576, 768)):
        shape, size = f"{count}x{width}", 4 * count * width
        yield Workload(f"{family}/{shape}/forward", f"{family}_{shape}", bytes=2 * size)
        yield Workload(f"{family}/{shape}/training", f"{family}_{shape}_gradients", TRAINING, bytes=5 * size)


def attentions():
    """Backward counts 2.5 times forward: five products against two (Dao 2023, "FlashAttention-2"). Of `items` heads of
    `width`, a `part` of the pairs is in sight."""
    everyone, alone = (FORWARD, TRAINING), ((), ())
    masked = (("pytorch", "torch.compile"), TRAINING)
    for name, items, tokens, width, part, (forward, training) in (
            ("T197", 24, 197, 64, 1, everyone), ("T1024", 8, 1024, 64, 1, everyone),
            ("T1024/causal", 8, 1024, 64, 0.5, everyone), ("T4096", 8, 4096, 64, 1, everyone),
            ("T4096/causal", 8, 4096, 64, 0.5, everyone), ("T16384", 2, 16384, 64, 1, alone),
            ("T16384/window", 2, 16384, 64, 256 / 16384, alone), ("T49/relative", 192, 49, 32, 1, everyone),
            ("T1024/relative", 8, 1024, 64, 1, everyone), ("T2048", 8, 2048, 64, 1, alone),
            ("T2048/documents", 8, 2048, 64, 1 / 10, masked)):
        model, flops = "attention_" + name.replace("/", "_"), part * 4 * items * tokens**2 * width
        yield Workload(f"attention/{name}/forward", model, forward, flops=flops)
        yield Workload(f"attention/{name}/training", f"{model}_gradients", training, flops=3.5 * flops)


def transformer(tokens, width, depth, patch, classes):
    """FLOPs of an image: products by weights, attention, patches, head."""
    block = 2 * tokens * 12 * width**2 + 4 * tokens**2 * width
    return depth * block + 2 * tokens * patch * width + 2 * width * classes


def vision():
    """Training counts three times forward."""
    flops = transformer(197, 192, 12, 768, 1000)
    for batch in (1, 8):
        yield Workload(f"vit_tiny/b{batch}/forward", "vit_tiny", sizes={"batch": batch}, flops=batch * flops)
    for kind in ("training", "memory", "compile"):
        peers = {"training": TRAINING, "memory": ("pytorch",), "compile": ("torch.compile",)}[kind]
        yield Workload(f"vit_tiny/b8/{kind}", "vit_tiny", peers, "train_step", {"batch": 8},
                       3 * 8 * flops if kind == "training" else 0)
    yield Workload("mnist/training", "mnist", TRAINING, "train_step", {"batch": 64},
                   3 * 64 * transformer(16, 64, 4, 49, 10))


WORKLOADS = [*contractions(), *rows(), *attentions(), *vision()]
