"""What is measured, by path. A speed is counted in FLOPs, or in bytes where memory is what bounds it."""
from dataclasses import dataclass, field

TORCH = ("pytorch", "torch.compile", "onnxruntime")


@dataclass(frozen=True)
class Workload:
    path: str
    model: str  # of fovea-bench-models
    peers: tuple = TORCH
    entry: str = "forward"
    sizes: dict = field(default_factory=dict)
    flops: float = 0  # of multiplications and additions that the textbook's algorithm takes
    bytes: float = 0  # read and written at least

    @property
    def family(self):
        return self.path.split("/")[0]


def contractions():
    for n in (64, 512, 1024, 2048):
        yield Workload(f"gemm/{n}", f"gemm_{n}", ("pytorch", "openblas"), flops=2 * n**3)
    for rows, inputs, outputs in ((1576, 192, 576), (1576, 192, 768), (1576, 768, 192), (197, 192, 576)):
        shape = f"{rows}x{inputs}x{outputs}"
        yield Workload(f"linear/{shape}", f"linear_{shape}", ("pytorch", "onnxruntime", "openblas"),
                       flops=2 * rows * inputs * outputs)


WORKLOADS = [*contractions()]
