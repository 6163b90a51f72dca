"""Takes the runs that have finished into examples/figures.jsonl, and writes the table of all runs there, examples/figures.md:

  figures.py RUNS FOLDER

RUNS has the result.json of each run in RUNS/SYSTEM/NAME/; FOLDER has figures.jsonl and figures.md. A line of figures.jsonl
is one run; a run that is there already is replaced. Runs whose settings differ in the seed alone are one row of the table:
the mean of each figure, and its range."""
import glob
import json
import os
import sys

RUNS, FOLDER = sys.argv[1:]
CHOICES = {"threads", "out", "quick", "seed", "beside"}  # settings that no row tells


def read(path):
    with open(path) as file:
        return file.read()


def finished():
    """The runs of RUNS that have a result, as lines of figures.jsonl."""
    for path in sorted(glob.glob(os.path.join(RUNS, "*", "*", "result.json"))):
        run = os.path.dirname(path)
        seconds = os.path.join(run, "seconds")
        yield {"system": os.path.basename(os.path.dirname(run)), "run": os.path.basename(run), **json.loads(read(path)),
               "seconds": int(read(seconds)) if os.path.exists(seconds) else None}


def collect():
    """All runs, by system and name, once those that have finished are in figures.jsonl."""
    path = os.path.join(FOLDER, "figures.jsonl")
    runs = [json.loads(line) for line in read(path).splitlines()] if os.path.exists(path) else []
    runs = {(run["system"], run["run"]): run for run in [*runs, *finished()]}
    with open(path + ".new", "w") as file:
        file.writelines(json.dumps(runs[key]) + "\n" for key in sorted(runs))
    os.replace(path + ".new", path)
    return runs


def number(value):
    return f"{value:.4g}" if abs(value) < 1e-2 else f"{value:.4f}"


def spread(values):
    values = [value for value in values if value is not None]
    if not values:
        return ""
    mean, low, high = sum(values) / len(values), min(values), max(values)
    return number(mean) if low == high else f"{number(mean)} ({number(low)} to {number(high)})"


def rows(runs):
    groups = {}
    for run in runs:
        settings = {key: value for key, value in run["settings"].items() if key not in CHOICES}
        if run["run"].startswith("pytorch.py"):
            settings["variant"] += " (PyTorch)"
        groups.setdefault((json.dumps(settings, sort_keys=True), run["data"]), []).append(run)
    for (settings, data), group in groups.items():
        yield json.loads(settings), data, group


def table(system, runs):
    found = list(rows(runs))
    varying = [key for key in found[0][0] if key == "variant" or len({row[0].get(key) for row in found}) > 1]
    figures = list(dict.fromkeys(name for _, _, group in found for run in group for name in run["figures"]))
    same = ", ".join(f"{key} {value}" for key, value in found[0][0].items() if key not in varying)
    head = varying + ["parameters", "seeds"] + figures + ["minutes a run"]
    lines = [f"## {system}", "", f"{'; '.join(dict.fromkeys(row[1] for row in found))}. {same}.", "",
             "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for settings, _, group in found:
        seconds = [run["seconds"] for run in group if run["seconds"]]
        cells = [settings.get(key, "") for key in varying]
        cells += [f"{group[0]['parameters']:,}", ", ".join(sorted(run["settings"]["seed"] for run in group))]
        cells += [spread([run["figures"].get(name) for run in group]) for name in figures]
        cells.append(f"{sum(seconds) / len(seconds) / 60:.1f}" if seconds else "")
        lines.append("| " + " | ".join(cells) + " |")
    return lines + [""]


systems = {}
for (system, _), run in collect().items():
    systems.setdefault(system, []).append(run)
lines = ["# What the systems reach", "",
         "Written by `tools/figures.sh`, whose arguments for each run are in the folders' figures.txt, from figures.jsonl: means over",
         "seeds, with the range; a stand-in for a data set is named as one. Nothing here is what an article printed.", ""]
for system in sorted(systems):
    lines += table(system, systems[system])
with open(os.path.join(FOLDER, "figures.md"), "w") as file:
    file.write("\n".join(lines).rstrip() + "\n")
