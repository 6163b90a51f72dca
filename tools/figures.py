"""The table of what the systems reach, from the result.json of each of their runs: figures.py RUNS TABLE

Runs whose settings differ in the seed alone are one row: the mean of each figure, and its range. The part of a system that
has no runs here stays as it is."""
import json
import os
import sys

RUNS, TABLE = sys.argv[1:]
CHOICES = {"threads", "out", "quick", "seed", "beside"}  # settings that no row tells


def results(system):
    folder = os.path.join(RUNS, system)
    for run in sorted(os.listdir(folder)):
        path = os.path.join(folder, run, "result.json")
        if not os.path.exists(path):
            continue
        with open(path) as file:
            result = json.load(file)
        if run.startswith("pytorch.py"):
            result["settings"]["variant"] += " (PyTorch)"
        seconds = os.path.join(folder, run, "seconds")
        result["seconds"] = int(open(seconds).read()) if os.path.exists(seconds) else None
        yield result


def number(value):
    return f"{value:.4g}" if abs(value) < 1e-2 else f"{value:.4f}"


def spread(values):
    values = [value for value in values if value is not None]
    if not values:
        return ""
    mean, low, high = sum(values) / len(values), min(values), max(values)
    return number(mean) if low == high else f"{number(mean)} ({number(low)} to {number(high)})"


def rows(system):
    groups = {}
    for result in results(system):
        settings = {key: value for key, value in result["settings"].items() if key not in CHOICES}
        groups.setdefault((json.dumps(settings, sort_keys=True), result["data"]), []).append(result)
    for (settings, data), group in groups.items():
        yield json.loads(settings), data, group


def table(system):
    found = list(rows(system))
    if not found:
        return []
    varying = [key for key in found[0][0] if key == "variant" or len({row[0].get(key) for row in found}) > 1]
    figures = list(dict.fromkeys(name for _, _, group in found for result in group for name in result["figures"]))
    same = ", ".join(f"{key} {value}" for key, value in found[0][0].items() if key not in varying)
    head = varying + ["parameters", "seeds"] + figures + ["minutes a run"]
    lines = [f"## {system}", "", f"{'; '.join(dict.fromkeys(row[1] for row in found))}. {same}.", "",
             "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for settings, _, group in found:
        seconds = [result["seconds"] for result in group if result["seconds"]]
        cells = [settings.get(key, "") for key in varying]
        cells += [f"{group[0]['parameters']:,}", ", ".join(sorted(result["settings"]["seed"] for result in group))]
        cells += [spread([result["figures"].get(name) for result in group]) for name in figures]
        cells.append(f"{sum(seconds) / len(seconds) / 60:.1f}" if seconds else "")
        lines.append("| " + " | ".join(cells) + " |")
    return lines + [""]


def parts():
    """The parts of the table that is there, by system."""
    if not os.path.exists(TABLE):
        return {}
    with open(TABLE) as file:
        return {part.split("\n", 1)[0]: ("## " + part).split("\n") for part in file.read().split("\n## ")[1:]}


lines = ["# What the systems reach", "",
         "Written by `tools/figures.sh`, whose arguments for each run are in the folders' figures.txt: means over seeds, with",
         "the range; a stand-in for a data set is named as one. Nothing here is what an article printed.", ""]
found = {**parts(), **{system: part for system in os.listdir(RUNS) if (part := table(system))}}
for system in sorted(found):
    lines += [*found[system], ""] if found[system][-1] else found[system]
with open(TABLE, "w") as file:
    file.write("\n".join(lines).rstrip() + "\n")
