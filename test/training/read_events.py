#!/usr/bin/env python3
"""TensorBoard's own reader takes our event files for what they say. Skipped where the peers have no tensorboard:
build/peers/bin/pip install tensorboard.

read_events.py BUILD WRITE_EVENTS
"""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench"))
import with_peers

with_peers.enter(sys.argv[1])
try:
    from tensorboard.backend.event_processing import event_accumulator
except ImportError:
    print("SKIP: without tensorboard there is nothing to read with; build/peers/bin/pip install tensorboard")
    sys.exit(77)


def equal(got, wanted, what):
    if got != wanted:
        sys.exit(f"{what}: TensorBoard reads {got!r}, written was {wanted!r}")


with tempfile.TemporaryDirectory() as folder:
    subprocess.run([sys.argv[2], f"{folder}/events.out.tfevents.fovea"], check=True)
    events = event_accumulator.EventAccumulator(folder, size_guidance={"scalars": 0, "images": 0, "histograms": 0})
    events.Reload()
    equal(events.file_version, 2.0, "file version")
    equal(sorted(events.Tags()["scalars"]), ["loss", "rate"], "scalar tags")
    losses = events.Scalars("loss")
    equal([event.step for event in losses], [1, 2, 3, 4], "steps")
    equal([round(event.value, 6) for event in losses], [1, 0.5, 0.333333, 8], "losses")
    equal(events.Scalars("rate")[3].value, 0.125, "rate")
    image = events.Images("attention/layer 1")[0]
    equal((image.step, image.width, image.height), (4, 7, 3), "image")
    equal(image.encoded_image_string[:8], b"\x89PNG\r\n\x1a\n", "image bytes")
    weights = events.Histograms("weights")[0].histogram_value
    equal((weights.min, weights.max, weights.num, round(weights.sum, 3)), (-1, 1, 1001, 0), "histogram")
    equal((sum(weights.bucket), len(weights.bucket)), (1001, len(weights.bucket_limit)), "buckets")
    negative = sum(count for limit, count in zip(weights.bucket_limit, weights.bucket) if limit < 0)
    equal(negative, 500, "buckets whose limit is below zero")
    equal(events.Histograms("zeros")[0].histogram_value.num, 10, "histogram of zeros")
print("TensorBoard reads scalars, images and histograms as they were written")
