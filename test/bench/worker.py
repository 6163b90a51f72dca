"""A process that runs one side of a workload when it is asked to."""
import time
import traceback

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


def serve(connection, kind, threads):
    """Answers (command, arguments) with (result, None) or (None, error)."""
    if kind == "ours":
        side = Ours(threads)
    else:
        import peers
        side = peers.PEERS[kind](threads)
    while (message := connection.recv()) is not None:
        command, arguments = message
        try:
            if command == "prepare":
                side.prepare(*arguments)
                connection.send((side.results(), None))
            else:
                connection.send((best(side.run), None))
        except Exception:
            connection.send((None, traceback.format_exc()))
