"""A process that runs one side of a workload when it is asked to."""
import time
import traceback

from alignment import aligned

ROUND = 0.3  # seconds


class Ours:
    def __init__(self, threads):
        self.threads, self.library = threads, None

    def prepare(self, workload, arrays, folder):
        from library import Library
        if self.library:
            self.library.close()
        self.library = Library(workload.model, folder, self.threads, workload.sizes, workload.entry)
        self.library.bind(arrays)
        self.run = self.library.run

    def results(self):
        self.run()
        return self.library.outputs

    def profile(self, workload, arrays, folder):
        """Launches and milliseconds of each kernel in the fastest of five calls."""
        from library import Library
        launches = []
        library = Library(workload.model, folder, self.threads, workload.sizes, workload.entry,
                          lambda kernel, seconds: launches.append((kernel, 1e3 * seconds)))
        library.bind(arrays)
        calls = []
        for _ in range(5):
            launches.clear()
            library.run()
            calls.append(list(launches))
        kernels = {}
        for kernel, milliseconds in min(calls, key=lambda call: sum(time for _, time in call)):
            count, time_of = kernels.get(kernel, (0, 0))
            kernels[kernel] = count + 1, time_of + milliseconds
        library.close()
        return kernels


def best(run):
    """Milliseconds of the fastest call of a round."""
    fastest, end = float("inf"), time.perf_counter() + ROUND
    while True:
        start = time.perf_counter()
        run()
        now = time.perf_counter()
        fastest = min(fastest, now - start)
        if now > end:
            return 1e3 * fastest


def memory(*fields):
    """The sum of fields of this process, in MB."""
    status = dict(line.split(":") for line in open("/proc/self/status"))
    return sum(int(status[field].split()[0]) for field in fields) / 1000


def memory_taken(side, arguments):
    """The most memory, in MB, that preparing and running takes beyond what there was before; without the pages of files
    (code) that were touched."""
    before = memory("RssAnon")
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # VmHWM starts anew
    side.prepare(*arguments)
    for _ in range(3):
        side.run()
    return memory("VmHWM") - memory("RssFile", "RssShmem") - before


def time_to_first(side, arguments):
    """Milliseconds until the work has been done once."""
    start = time.perf_counter()
    side.prepare(*arguments)
    side.run()
    return 1e3 * (time.perf_counter() - start)


def serve(connection, kind, threads):
    """Answers (command, arguments) with (result, None) or (None, error)."""
    if kind == "ours":
        side = Ours(threads)
    else:
        import peers
        side = peers.PEERS[kind](threads)
    while (message := connection.recv()) is not None:
        command, arguments = message
        arguments = [aligned(argument) if isinstance(argument, dict) else argument for argument in arguments]
        try:
            if command == "prepare":
                side.prepare(*arguments)
            answer = {"prepare": lambda: side.results(), "round": lambda: best(side.run),
                      "memory": lambda: memory_taken(side, arguments),
                      "profile": lambda: side.profile(*arguments),
                      "first": lambda: time_to_first(side, arguments)}[command]()
            connection.send((answer, None))
        except Exception:
            connection.send((None, traceback.format_exc()))
