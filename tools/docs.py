#!/usr/bin/env python3
"""Writes docs/ops: the reference of the dialect's ops, a page for each family, from what mlir-tblgen says of them and the
examples in test/ops, which are tests themselves.

    docs.py TABLEGEN_DOCS OUTPUT [--check]     with --check nothing is written: exit 1 where OUTPUT is not what it would be
"""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent


def sections(text):
    """(name, text) of each op of a tablegen page."""
    parts = re.split(r"^### `fovea\.([a-z0-9_]+)` \([^)]*\)\n", text, flags=re.M)
    return list(zip(parts[1::2], parts[2::2]))


def tidy(text):
    """Without what says nothing to a reader: C++ attribute classes, traits, interfaces and effects."""
    text = re.sub(r"^(Traits|Interfaces|Effects):.*\n\n?", "", text, flags=re.M)
    text = re.sub(r"<table>\n<tr><th>Attribute</th>.*?\n</table>\n", table, text, flags=re.S)
    return re.sub(r"\n{3,}", "\n\n", text.replace("#### ", "**").replace(":\n\n|", ":**\n\n|")).strip()


def table(match):
    rows = re.findall(r"<tr><td><code>(.*?)</code></td><td>(.*?)</td><td>(.*?)</td></tr>", match.group(0), flags=re.S)
    return "| Attribute | Description |\n| :-: | --- |\n" + "".join(
        f"| `{name}` | {re.sub('<.*?>', '', what)} |\n" for name, _, what in rows)


def indent(line):
    return len(line) - len(line.lstrip())


def statement(lines, start):
    """The op that begins at `start`, with what is indented further, and the braces and blocks of its regions."""
    taken = [lines[start]]
    for line in lines[start + 1:]:
        deeper = indent(line) > indent(taken[0])
        if not line.strip() or not (deeper or (indent(line) == indent(taken[0]) and line.strip()[0] in "}^)")):
            break
        if not line.strip().startswith("//"):
            taken.append(line)
    return "\n".join(line[indent(taken[0]):].rstrip() for line in taken)


def example(name):
    """The op's first use in test/ops, with the type aliases that it names."""
    for path in sorted((root / "test/ops").glob("*.mlir"), key=lambda path: "invalid" in path.name):
        lines = path.read_text().splitlines()
        for at, line in enumerate(lines):
            if line.strip().startswith("//") or not re.search(rf"\bfovea\.{name}(?![a-z0-9_])", line):
                continue
            code = statement(lines, at)
            aliases = [line for line in lines[:at] if (alias := re.match(r"(![a-z_0-9]+) =", line))
                       and re.search(re.escape(alias.group(1)) + r"\b", code)]
            return f"**Example** ({path.relative_to(root)}):\n\n```mlir\n" + "\n".join(aliases + [code]) + "\n```\n"
    sys.exit(f"docs.py: no file of test/ops uses fovea.{name}: the reference needs an example of every op")


def pages(source):
    index = ["# The ops of the dialect", "", "Made by `tools/docs.py` from `dialect/ops` and `test/ops`.", ""]
    for path in sorted(source.glob("*.md")):
        title = (root / "dialect/ops" / f"{path.stem}.td").read_text().splitlines()[0].removeprefix("// ")
        body = [f"# {path.stem}", "", title, ""]
        index += [f"## [{path.stem}]({path.stem}.md)", "", title, "", "| op | |", "| --- | --- |"]
        for name, text in sections(path.read_text()):
            body += [f"## `fovea.{name}`", "", tidy(text), "", example(name)]
            summary = re.search(r"^_(.*)_$", text, flags=re.M)
            what = summary.group(1).replace("|", "\\|") if summary else ""
            index.append(f"| [`{name}`]({path.stem}.md#fovea{name}) | {what} |")
        index.append("")
        yield f"{path.stem}.md", "\n".join(body).rstrip() + "\n"
    yield "README.md", "\n".join(index).rstrip() + "\n"


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--check"]
    if len(arguments) != 2:
        sys.exit(__doc__)
    source, output = pathlib.Path(arguments[0]), pathlib.Path(arguments[1])
    made = dict(pages(source))
    if len(made) < 2:
        sys.exit(f"docs.py: {source} has no pages")
    if "--check" in sys.argv:
        there = {path.name: path.read_text() for path in output.glob("*.md")}
        wrong = sorted(name for name in made.keys() | there.keys() if made.get(name) != there.get(name))
        if wrong:
            sys.exit(f"{output}: {', '.join(wrong)} are not up to date: run cmake --build build --target fovea-docs")
        return
    output.mkdir(parents=True, exist_ok=True)
    for path in output.glob("*.md"):
        path.unlink()
    for name, text in made.items():
        (output / name).write_text(text)


main()
