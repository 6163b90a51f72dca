#!/usr/bin/env python3
"""What kernels for CUDA take of a GPU: tools/ptxas.py MODEL.mlir... [--targets cuda-sm80,cuda-sm90] [--capabilities 80,90] [--kinds]

Compiles each model to PTX, assembles every kernel with ptxas for the target's capability, or for those that are given, and prints a
table: registers, threads of a block and memory that they share, bytes spilled and of the stack; with --kinds the most of each kind of
kernel. Fails where ptxas refuses a kernel, and where one of a product, a convolution, attention, rows or sums spills or keeps values on
its stack. Exits with 77 where there is no ptxas.
"""
import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile

PRODUCTS = ("matmul", "conv2d", "attention")
MUST_FIT = (*PRODUCTS, "sum", "max", "softmax", "layer_norm", "cross_entropy")
MAP_STACK = 128  # bytes: the entropy of a map adds up a panel of keys in a thread, twice as many bytes in f64
F64_STACK = 48  # bytes: NVIDIA's sine and cosine of f64, which elements of rows and sums may hold
HEADING = re.compile(r"^// (\S+) for (\S+?)(?:, #fovea.schedule<(.*)>)?$", re.MULTILINE)
NUMBERS = re.compile(r"Compiling entry function '(\S+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes "
                     r"spill loads.*?Used (\d+) registers(.*?)$", re.DOTALL | re.MULTILINE)
RUN = re.compile(r'halide_cuda_run\(cuda\[0\], "_kernel_([^"]+)", (.*?), \(void \*\)make_struct')


def text(foveac, model, target, stage):
    done = subprocess.run([foveac, model, f"--target={target}", f"--compile-to={stage}"], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{model} for {target}: foveac failed:\n{done.stderr}")
    return done.stdout


def sections(text):
    """The parts of each kernel: its name and schedule, and what follows."""
    found = list(HEADING.finditer(text))
    for at, heading in enumerate(found):
        end = found[at + 1].start() if at + 1 < len(found) else len(text)
        yield heading[1], heading[3] or "", text[heading.end():end]


def launches(stmt):
    """Threads and shared bytes of each launch, by its name; those that depend on sizes are left as they are."""
    result = {}
    for name, arguments in RUN.findall(stmt):
        numbers = [part.strip() for part in re.split(r",(?![^(]*\))", arguments)]
        value = lambda part: str(eval(part)) if re.fullmatch(r"[\d+*() -]+", part) else part
        threads = eval("*".join(numbers[3:6])) if all(part.isdigit() for part in numbers[3:6]) else "x".join(numbers[3:6])
        result[name] = (str(threads), value(numbers[6]))
    return result


def assemble(ptxas, ptx, capability):
    """What ptxas says of each entry, or its errors."""
    with tempfile.NamedTemporaryFile("w", suffix=".ptx") as file:
        file.write(ptx)
        file.flush()
        done = subprocess.run([ptxas, "-v", f"-arch=sm_{capability}", "-o", os.devnull, file.name], capture_output=True, text=True)
    return NUMBERS.findall(done.stderr), done.stderr if done.returncode else ""


def short(entry, hidden=re.compile(r"^_kernel_(?:fovea_[0-9a-f]{20}_)?")):
    return hidden.sub("", entry)


def stack_of(name, wide):
    """The bytes of stack that a kernel may have."""
    if name.startswith("attention_map"):
        return 2 * MAP_STACK if wide else MAP_STACK
    return F64_STACK if wide and not name.startswith(PRODUCTS) else 0


def rows_of(ptxas, foveac, model, target, capabilities, failures):
    """A row for each entry of each kernel, with the numbers as such."""
    stmt = {name: launches(body) for name, _, body in sections(text(foveac, model, target, "stmt"))}
    for name, schedule, ptx in sections(text(foveac, model, target, "ptx")):
        if not ptx.strip():
            continue  # of tensors without elements
        for capability in capabilities or [target.removeprefix("cuda-sm")]:
            entries, errors = assemble(ptxas, ptx, capability)
            if errors or not entries:
                failures.append(f"{model}: {name} for {target}: {errors or 'there is no entry'}")
            for entry, stack, stores, loads, registers, rest in entries:
                static = re.search(r"(\d+) bytes smem", rest)
                threads, shared = stmt.get(name, {}).get(short(entry), ("", static[1] if static else "0"))
                spills = int(stores) + int(loads)
                if name.startswith(MUST_FIT) and (spills or int(stack) > stack_of(name, ".f64" in ptx)):
                    failures.append(f"{model}: {name} for {target} on {capability} spills {spills} bytes and has a stack of {stack}: {short(entry)}")
                yield [name, f"{target} on {capability}", re.sub(r"(rows|columns|vector|task|chunks|width|depth) = ", r"\1=", schedule).replace('"', ""),
                       int(registers), threads, shared, spills, int(stack), short(entry).split("_")[0]]


def kinds_of(rows):
    """The most that kernels of a kind take, each number on its own."""
    kinds = {}
    for name, target, _, registers, threads, shared, spills, stack, _ in rows:
        kind = kinds.setdefault((re.sub(r"_\d+(_in_place.*)?$", "", name), target), [0, 0, 0, 0, 0, 0])
        known = [int(number) if number.isdigit() else 0 for number in (threads, shared)]
        kind[0] += 1
        kind[1:] = map(max, kind[1:], [registers, *known, spills, stack])
    return [[*key, *numbers] for key, numbers in sorted(kinds.items())]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="MODEL.mlir")
    parser.add_argument("--targets", default="cuda-sm80,cuda-sm90")
    parser.add_argument("--capabilities", help="what to assemble for, such as 80,90; by default the target's own")
    parser.add_argument("--kinds", action="store_true", help="print the most of each kind of kernel")
    parser.add_argument("--foveac", default=os.path.join(os.path.dirname(__file__), "..", "build", "bin", "foveac"))
    options = parser.parse_args()
    ptxas = shutil.which("ptxas", path=os.environ["PATH"] + ":/usr/local/cuda/bin")
    if not ptxas:
        print("SKIP: there is no ptxas, in PATH or in /usr/local/cuda/bin")
        return 77
    failures, rows = [], []
    capabilities = options.capabilities.split(",") if options.capabilities else []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        def work(job):
            try:
                return list(rows_of(ptxas, options.foveac, *job, capabilities, failures))
            except RuntimeError as error:
                failures.append(str(error))
                return []
        for found in pool.map(work, [(model, target) for model in options.models for target in options.targets.split(",")]):
            rows += found
    if options.kinds:
        table = [["kind", "target", "kernels", "registers", "threads", "shared", "spilled", "stack"], *kinds_of(rows)]
    else:
        table = [["kernel", "target", "schedule", "registers", "threads", "shared", "spilled", "stack", "stage"], *rows]
    widths = [max(len(str(row[at])) for row in table) for at in range(len(table[0]))]
    for row in table:
        print("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip())
    for failure in failures:
        print("error:", failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
