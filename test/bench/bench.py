"""Measures what Fovea compiles against its peers: tools/bench.sh runs this. See README.md for the columns."""
import argparse
import dataclasses
import multiprocessing
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
import zlib

import numpy as np

import worker
from library import DTYPES, Interface, compile_model
from workloads import WORKLOADS

INSTALL = "tools/bench.sh --install-peers"
PAUSE = 0.02  # seconds in which the threads of whoever ran last come to rest


class Side:
    """One of those that take turns, in a process of its own."""

    def __init__(self, kind, threads):
        context = multiprocessing.get_context("spawn")
        self.kind = kind
        self.connection, other = context.Pipe()
        self.process = context.Process(target=worker.serve, args=(other, kind, threads), daemon=True)
        self.process.start()
        other.close()

    def ask(self, command, *arguments):
        self.connection.send((command, arguments))
        try:
            result, error = self.connection.recv()
        except EOFError:
            self.process.join()
            raise RuntimeError(f"{self.kind}: the process ended with {self.process.exitcode}") from None
        if error:
            raise RuntimeError(f"{self.kind}: {error}")
        return result

    def close(self):
        if self.process.is_alive():
            self.connection.send(None)
        self.process.join()


def busy():
    """The part of the machine that others take while this process sleeps."""
    def ticks():
        user, nice, system, idle, wait = map(int, open("/proc/stat").readline().split()[1:6])
        return user + nice + system + idle + wait, idle + wait
    all_before, idle_before = ticks()
    time.sleep(1)
    all_after, idle_after = ticks()
    return 1 - (idle_after - idle_before) / max(all_after - all_before, 1)


def random_array(tensor):
    generator = np.random.default_rng(zlib.crc32(tensor.name.encode()))
    if tensor.dtype == "i32":
        numbers = generator.integers(0, 10, tensor.shape, np.int32)
        return np.sort(numbers) if tensor.name == "ids" else numbers  # of documents, one after another
    return generator.standard_normal(tensor.shape, np.float32)


def arrays_for(workload, folder):
    """Values for the inputs, and small ones for the parameters; scales are near one."""
    interface = Interface(f"{folder}/{workload.model}.h")
    inputs = [tensor for kind, tensor in interface.entries[workload.entry] if kind == "input"]
    arrays = {}
    for tensor in inputs + interface.parameters:
        tensor = interface.shaped(tensor, workload.sizes)
        arrays[tensor.name] = random_array(tensor)
        if tensor.name in {parameter.name for parameter in interface.parameters}:
            arrays[tensor.name] = np.float32(0.05) * arrays[tensor.name] + np.float32(tensor.name.endswith("scale"))
    return arrays


def compare(ours, theirs, peer):
    for name, other in theirs.items():
        value = ours[name]
        if other.shape != value.shape:
            raise RuntimeError(f"{name}: ours is {value.shape}, that of {peer} {other.shape}")
        difference, largest = np.abs(value - other).max(), np.abs(other).max()
        if not difference <= 1e-4 * largest:
            raise RuntimeError(f"{name}: ours and {peer}'s differ by {difference:g}, where the largest is {largest:g}")


class Bench:
    def __init__(self, options):
        self.options = options
        self.folder = f"{options.build}/bench"
        self.sides, self.compiled = {}, set()
        self.peak = self.measure_peak()

    def measure_peak(self):
        """The best of three: others may use the machine, too."""
        command = [f"{self.options.build}/bin/foveac", "--peak", f"--threads={self.options.threads}"]
        texts = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(3)]
        return max(float(re.findall(r"([\d.]+) GFLOP/s", text)[-1]) for text in texts)

    def side(self, kind):
        if kind not in self.sides or not self.sides[kind].process.is_alive():
            self.sides[kind] = Side(kind, self.options.threads)
        return self.sides[kind]

    def header(self):
        flags = open("/proc/cpuinfo").read() if os.path.exists("/proc/cpuinfo") else ""
        known = (("avx512f", "AVX-512"), ("avx2", "AVX2"))
        isa = next((isa for flag, isa in known if flag in flags), platform.machine())
        print(f"# {isa}, {self.options.threads} threads, peak {self.peak:.0f} GFLOP/s (measured); "
              f"others take {busy():.0%} of the machine{'; best rounds' if self.options.best else ''}")
        if not self.options.peers:
            print(f"# without peers; they are installed by {INSTALL}")
        print("workload\tours (ms)\tpeer\tpeer (ms)\tspeed-up\tours of peak", flush=True)

    def measure(self, workload):
        if workload.model not in self.compiled:
            compile_model(workload.model, self.folder, self.options.build)
            self.compiled.add(workload.model)
        peers = [peer for peer in workload.peers if peer in self.options.peers]
        {"time": self.measure_time, "memory": self.measure_memory, "compile": self.measure_compile}[workload.kind](
            workload, arrays_for(workload, self.folder), peers)

    def measure_time(self, workload, arrays, peers):
        ours = self.side("ours").ask("prepare", workload, arrays, self.folder)
        for peer in peers:
            compare(ours, self.side(peer).ask("prepare", workload, arrays), peer)
        times = {kind: [] for kind in ["ours", *peers]}
        for _ in range(self.options.rounds):
            for kind in times:
                time.sleep(PAUSE)
                times[kind].append(self.side(kind).ask("round"))
        middle = min if self.options.best else statistics.median
        self.report(workload, {kind: middle(values) for kind, values in times.items()})

    def measure_memory(self, workload, arrays, peers):
        taken = {"ours": self.once("ours", "memory", workload, arrays, self.folder)}
        taken |= {peer: self.once(peer, "memory", workload, arrays) for peer in peers}
        self.report(workload, taken, unit=" MB")

    def measure_compile(self, workload, arrays, peers):
        """Without anything in the caches, then with what that left there."""
        with tempfile.TemporaryDirectory() as cache:
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = f"{cache}/inductor"
            for state in "cold", "cached":
                start = time.perf_counter()
                compile_model(workload.model, f"{cache}/files", self.options.build, f"{cache}/fovea")
                times = {"ours": 1e3 * (time.perf_counter() - start)}
                times |= {peer: self.once(peer, "first", workload, arrays) for peer in peers}
                self.report(dataclasses.replace(workload, path=f"{workload.path}/{state}"), times)
            del os.environ["TORCHINDUCTOR_CACHE_DIR"]

    def once(self, kind, command, *arguments):
        """Asks a process of its own."""
        side = Side(kind, self.options.threads)
        try:
            return side.ask(command, *arguments)
        finally:
            side.close()

    def report(self, workload, values, unit=""):
        ours = values.pop("ours")
        share = "-"
        if workload.flops:
            share = f"{workload.flops / ours / 1e6 / self.peak:.2f}"
        elif workload.bytes:
            share = f"{workload.bytes / ours / 1e6:.1f} GB/s"
        for peer, theirs in values.items() or [("-", None)]:
            their_value, speedup = (f"{theirs:.4g}{unit}", f"{theirs / ours:.2f}") if theirs else ("-", "-")
            print(workload.path, f"{ours:.4g}{unit}", peer, their_value, speedup, share, sep="\t", flush=True)

    def profile(self, workload):
        """Ours by kernel, the slowest first."""
        compile_model(workload.model, self.folder, self.options.build)
        kernels = self.once("ours", "profile", workload, arrays_for(workload, self.folder), self.folder)
        total = sum(time for _, time in kernels.values())
        print(f"# {workload.path}: {total:.4g} ms in {sum(count for count, _ in kernels.values())} launches")
        print("kernel\tlaunches\tms\tpart")
        for kernel, (count, time) in sorted(kernels.items(), key=lambda item: -item[1][1]):
            print(kernel, count, f"{time:.4g}", f"{time / total:.1%}", sep="\t")

    def run(self, workloads):
        failed = 0
        if self.options.profile:
            self.measure = self.profile
        else:
            self.header()
        for workload in workloads:
            try:
                self.measure(workload)
            except (RuntimeError, subprocess.CalledProcessError) as error:
                failed += 1
                print(f"bench: {workload.path}: {error}", file=sys.stderr, flush=True)
        for side in self.sides.values():
            side.close()
        return failed


def main():
    parser = argparse.ArgumentParser(prog="tools/bench.sh", description=__doc__)
    parser.add_argument("filter", nargs="?", default="", metavar="FILTER", help="a part of the workloads' paths")
    parser.add_argument("--build", default="build", help="the build folder")
    parser.add_argument("--list", action="store_true", help="only print the workloads")
    parser.add_argument("--models", action="store_true", help="with --list: the models that they measure")
    parser.add_argument("--peers", default=None, help="peers, joined by ',' (default: all; '' for none)")
    parser.add_argument("--best", action="store_true", help="give the best round, not the median: where others disturb")
    parser.add_argument("--profile", action="store_true", help="give the time of each kernel of ours instead")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    workloads = [workload for workload in WORKLOADS if options.filter in workload.path]
    if not workloads:
        sys.exit(f"bench: no workload has '{options.filter}' in its path; --list prints them")
    for name in "rounds", "threads":
        if getattr(options, name) < 1:
            sys.exit(f"bench: --{name} is {getattr(options, name)}: it must be at least 1")
    if options.list:
        print(*(workload.model if options.models else workload.path for workload in workloads), sep="\n")
        return
    import peers
    known = set(peers.PEERS)
    options.peers = known if options.peers is None else set(options.peers.split(",")) - {""}
    if unknown := options.peers - known:
        sys.exit(f"bench: no peer is called '{min(unknown)}': there are {', '.join(sorted(known))}")
    options.build = os.path.abspath(options.build)
    if os.path.realpath(sys.prefix) != os.path.realpath(f"{options.build}/peers"):
        options.peers = set()
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(options.threads)
    if failed := Bench(options).run(workloads):
        sys.exit(f"bench: {failed} of {len(workloads)} workloads failed")


if __name__ == "__main__":
    main()
