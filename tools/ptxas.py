#!/usr/bin/env python3
"""What kernels for CUDA take of a GPU: tools/ptxas.py MODEL.mlir... [--targets cuda-sm80,cuda-sm90] [--foveac PATH]

Compiles each model to PTX, assembles every kernel with ptxas for the target's capability, and prints a table: registers,
threads of a block and memory that they share, bytes spilled and of the stack. Fails where ptxas refuses a kernel, and where one of a
product, a convolution, attention, rows or sums spills or keeps values on its stack. Exits with 77 where there is no ptxas.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

MUST_FIT = ("matmul", "conv2d", "attention", "sum", "max", "softmax", "layer_norm", "cross_entropy")
HEADING = re.compile(r"^// (\S+) for (\S+?)(?:, #fovea.schedule<(.*)>)?$", re.MULTILINE)
NUMBERS = re.compile(r"Compiling entry function '(\S+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes "
                     r"spill loads.*?Used (\d+) registers(.*?)$", re.DOTALL | re.MULTILINE)
RUN = re.compile(r'halide_cuda_run\(cuda\[0\], "_kernel_([^"]+)", (.*?), \(void \*\)make_struct')


def text(foveac, model, target, stage):
    done = subprocess.run([foveac, model, f"--target={target}", f"--compile-to={stage}"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{model} for {target}: foveac failed:\n{done.stderr}")
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


def rows_of(ptxas, foveac, model, target, failures):
    stmt = {name: launches(body) for name, _, body in sections(text(foveac, model, target, "stmt"))}
    for name, schedule, ptx in sections(text(foveac, model, target, "ptx")):
        entries, errors = assemble(ptxas, ptx, target.removeprefix("cuda-sm"))
        if errors or not entries:
            failures.append(f"{model}: {name} for {target}: {errors or 'there is no entry'}")
        for entry, stack, stores, loads, registers, rest in entries:
            static = re.search(r"(\d+) bytes smem", rest)
            threads, shared = stmt.get(name, {}).get(short(entry), ("", static[1] if static else "0"))
            spills = int(stores) + int(loads)
            if name.startswith(MUST_FIT) and (spills or int(stack)):
                failures.append(f"{model}: {name} for {target} spills {spills} bytes and has a stack of {stack}: {short(entry)}")
            yield [name, target, re.sub(r"(rows|columns|vector|task|chunks|width|depth) = ", r"\1=", schedule).replace('"', ""), registers,
                   threads, shared, str(spills), stack, short(entry).split("_")[0]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="MODEL.mlir")
    parser.add_argument("--targets", default="cuda-sm80,cuda-sm90")
    parser.add_argument("--foveac", default=os.path.join(os.path.dirname(__file__), "..", "build", "bin", "foveac"))
    options = parser.parse_args()
    ptxas = shutil.which("ptxas", path=os.environ["PATH"] + ":/usr/local/cuda/bin")
    if not ptxas:
        print("SKIP: there is no ptxas, in PATH or in /usr/local/cuda/bin")
        return 77
    failures = []
    rows = [["kernel", "target", "schedule", "registers", "threads", "shared", "spilled", "stack", "stage"]]
    for model in options.models:
        for target in options.targets.split(","):
            rows += rows_of(ptxas, options.foveac, model, target, failures)
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    for failure in failures:
        print("error:", failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
