"""For scripts that compare with PyTorch: to run in the peers' environment, or to say that there is none."""
import os
import sys


def enter(build):
    """Goes on with the script in the Python of `build`/peers; without the peers exits with 77."""
    peers = f"{build}/peers"
    if not os.path.exists(f"{peers}/ready"):
        print("SKIP: without PyTorch there is nothing to compare with; tools/bench.sh --install-peers installs it")
        sys.exit(77)
    if os.path.realpath(sys.prefix) != os.path.realpath(peers):
        os.execv(f"{peers}/bin/python", [f"{peers}/bin/python", *sys.argv])
