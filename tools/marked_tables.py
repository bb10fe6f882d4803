"""Tables of a document that a program writes: each stands between <!-- MARK: NAME --> and <!-- end -->."""
import os
import sys


def table(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def write_tables(path, mark, tables, results):
    """Writes the marked tables of the file anew: the lines of tables[NAME](results)."""
    out, skipping = [], False
    for line in open(path).read().split("\n"):
        if line == "<!-- end -->":
            skipping = False
        if not skipping:
            out.append(line)
        if line.startswith(f"<!-- {mark}: "):
            name = line[len(f"<!-- {mark}: "):-len(" -->")]
            out += ["", *tables[name](results), ""]
            skipping = True
    if skipping:
        sys.exit(f"{path}: a table has no <!-- end -->")
    with open(path + ".part", "w") as f:
        f.write("\n".join(out))
    os.replace(path + ".part", path)
