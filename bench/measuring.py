"""What bench/compare and bench/growth share: programs that print one JSON document, run in turn; peers that may be
missing; a document of figures on the screen, in a file and in the marked tables of a page."""
import datetime
import importlib.util
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from marked_tables import table, write_tables  # noqa: E402

PROCESSORS = len(os.sched_getaffinity(0))


def secondlook(what, *options):
    """The command of one of our own benchmarks."""
    program = os.path.join(ROOT, "build", "secondlook")
    if not os.access(program, os.X_OK):
        sys.exit("no build/secondlook: make build")
    return [program, "bench", what, "--json", *map(str, options)]


def beside(script, *options):
    """The command of a peer in Python."""
    return [sys.executable, "-B", os.path.join(ROOT, "bench", script), *map(str, options)]


def missing(module, peer, install):
    """[] where the Python module is here, else the peer and how to install it."""
    return [] if importlib.util.find_spec(module) else [{"peer": peer, "install": install}]


def document_of(command, **environment):
    """The JSON document that a command prints. Threads of a peer wait in its own way, unless told otherwise."""
    inherited = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    return json.loads(subprocess.run(command, env=inherited | environment, stdout=subprocess.PIPE, check=True).stdout)


def in_turn(work, rounds):
    """{name: [its result in each round]} of {name: function}: all of them meet the same machine."""
    results = {name: [] for name in work}
    for _ in range(rounds):
        for name, function in work.items():
            results[name].append(function())
    return results


# Of several rounds the quickest counts, ours and a peer's alike: other work on the machine can only slow one down.

def quickest(documents, speed="pairs_per_s"):
    return max(documents, key=lambda d: d[speed])


def least(documents, time):
    return min(d[time] for d in documents)


def say(text):
    print(text, file=sys.stderr, flush=True)


def begin(what):
    """Head of a document: when, the machine and its instruction set, the load before anything is measured."""
    signed = document_of(secondlook("emd", "--pairs", 1, "--seconds", .01))
    return {"what": what, "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "machine": signed["machine"], "isa": signed["isa"], "processors": PROCESSORS,
            "load_before": round(os.getloadavg()[0], 2)}


def show(head, rows):
    widths = [max(len(line[i]) for line in (head, *rows)) for i in range(len(head))]
    for first, *others in (head, *rows):
        print("  ".join([first.ljust(widths[0])] + [cell.rjust(w) for cell, w in zip(others, widths[1:])]).rstrip())
    print(flush=True)


def run_table(document):
    return (["machine", "instruction set", "processors", "date", "load before", "after"],
            [[document["machine"], document["isa"], str(document["processors"]),
              document["date"][:16].replace("T", " "), str(document["load_before"]), str(document["load_after"])]])


def finish(document, tables, mark, options):
    """tables: {name: (title, function of the document that gives head and rows)}. Prints those that have rows, writes
    the document to options.json, and the tables between the marks of options.write where it is given."""
    document["load_after"] = round(os.getloadavg()[0], 2)
    tables = {"run": (f"bench/{document['what']}", run_table)} | tables
    for title, of in tables.values():
        head, rows = of(document)
        if rows:
            print(title)
            show(head, rows)
    os.makedirs(os.path.dirname(os.path.abspath(options.json)), exist_ok=True)
    with open(options.json, "w") as f:
        json.dump(document, f, indent=1)
        f.write("\n")
    say(f"all figures: {options.json}")
    if options.write:
        write_tables(options.write, mark, {name: lambda d, of=of: table(*of(d)) for name, (_, of) in tables.items()},
                     document)
        say(f"tables: {options.write}")
