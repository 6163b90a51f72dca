#!/usr/bin/env python3
"""System B in PyTorch, to compare with: the same data, batches, optimizer and epochs, and PyTorch's own first weights.

    pytorch.py [--variant clean|as-written|mean] [--epochs 20] [--batch 64] [--rate 1e-3] [--seed 1] [--data FOLDER]
               [--threads 2] [--out FOLDER]

Runs in build/peers, where tools/bench.sh --install-peers has put PyTorch. --data is CIFAR-10's binary version, by default
$FOVEA_DATA/cifar10. Writes result.json into --out, of the form that the training program writes.
"""
import argparse
import glob
import gzip
import json
import os
import sys

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{root}/test/bench")
import with_peers

with_peers.enter(f"{root}/build")

import numpy
import torch
from torch import nn

MEAN, DEVIATION = [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]  # as in ../common/Pixels.h


def read(folder, pattern):
    """Normalised images (n, 3, 32, 32) and labels of the files, plain or gzip, in the order of their names."""
    paths = sorted(glob.glob(f"{folder}/{pattern}") + glob.glob(f"{folder}/{pattern}.gz"))
    if not paths:
        sys.exit(f"pytorch.py: {folder} holds no {pattern}: give CIFAR-10's binary version with --data, or FOVEA_DATA")
    records = b"".join((gzip.open if path.endswith(".gz") else open)(path, "rb").read() for path in paths)
    records = numpy.frombuffer(records, numpy.uint8).reshape(-1, 3073)
    images = torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32).astype(numpy.float32) / 255)
    images = (images - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(DEVIATION).view(3, 1, 1)
    return images, torch.from_numpy(records[:, 0].astype(numpy.int64))


class Classifier(nn.Module):
    def __init__(self, variant):
        super().__init__()
        self.variant = variant
        self.trunk = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                                   nn.Conv2d(64, 128, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.score = nn.Linear(128, 1) if variant != "mean" else None
        self.head = nn.Linear(128, 10)

    def forward(self, image):
        tokens = self.trunk(image).flatten(2).transpose(1, 2)  # (batch, 64 positions, 128)
        if self.variant == "mean":
            return self.head(tokens.mean(1))
        # As written, the softmax is over the one score of a position.
        weights = torch.softmax(self.score(tokens), 1 if self.variant == "clean" else 2)
        return self.head((weights * tokens).sum(1))


def evaluate(model, images, labels, batch):
    """Mean loss, accuracy and macro F1 in percent."""
    model.eval()
    with torch.no_grad():
        logits = torch.cat([model(images[i:i + batch]) for i in range(0, len(images), batch)])
    found, f1 = logits.argmax(1), []
    for label in range(10):
        right = ((found == label) & (labels == label)).sum().item()
        both = (found == label).sum().item() + (labels == label).sum().item()
        if both:
            f1.append(2 * right / both)
    loss = nn.functional.cross_entropy(logits, labels).item()
    return loss, 100 * (found == labels).float().mean().item(), 100 * sum(f1) / len(f1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--variant", default="clean", choices=["clean", "as-written", "mean"])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", default=os.path.join(os.environ.get("FOVEA_DATA", "."), "cifar10"))
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--out", default="out/b-classifier-pytorch")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    images, labels = read(options.data, "data_batch_?.bin")
    test = read(options.data, "test_batch.bin")

    model = Classifier(options.variant)
    optimizer = torch.optim.Adam(model.parameters(), lr=options.rate)
    for epoch in range(options.epochs):
        model.train()
        for chosen in torch.randperm(len(images)).split(options.batch):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images[chosen]), labels[chosen]).backward()
            optimizer.step()
        loss, accuracy, f1 = evaluate(model, *test, options.batch)
        print(f"epoch {epoch + 1}: test loss {loss:.4f}, test accuracy {accuracy:.2f}, test macro F1 {f1:.2f}", flush=True)

    train_loss, train_accuracy, _ = evaluate(model, images, labels, options.batch)
    names = ["variant", "epochs", "batch", "rate", "seed"]
    result = {
        "settings": {name: str(getattr(options, name)) for name in names},
        "data": "CIFAR-10 at 32 x 32",
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "steps": options.epochs * -(-len(images) // options.batch),
        "figures": {"training accuracy": train_accuracy, "test accuracy": accuracy, "test macro F1": f1,
                    "training loss": train_loss, "test loss": loss},
    }
    os.makedirs(options.out, exist_ok=True)
    with open(f"{options.out}/result.json", "w") as file:
        json.dump(result, file, indent=2)
    print(f"test accuracy {accuracy:.2f}")


main()
