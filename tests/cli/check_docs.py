"""tests/cli/check_docs.py WHAT ROOT [PROGRAM]: what the documents (*.md) say exists, exists. WHAT: links, paths,
commands, options or page; a line for each thing that is wrong, and exit code 1."""
import glob
import os
import re
import subprocess
import sys

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"(`+)(.+?)\1", re.S)
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
FOLDERS = "src|cli|tests|tools|docs|bench|models|cmake|examples|include"
FILE = re.compile(rf"(?:{FOLDERS})/[\w./*-]*")
PLACEHOLDER = re.compile(r"NAME|MODULE")
DOCUMENT = re.compile(r"docs/[\w/-]+\.(?:md|png|svg|1)\b")
problems = []


def complain(where, what):
    problems.append(f"{where}: {what}")


def files_below(root, *endings):
    for folder, below, names in os.walk(root):
        below[:] = [name for name in below if not name.startswith((".", "build", "corpus"))]
        yield from (os.path.join(folder, name) for name in names if name.endswith(endings))


def documents(root):
    """(name, text) of all, without the changelog, which names what is gone."""
    for path in sorted(files_below(root, ".md")):
        if os.path.basename(path) != "CHANGELOG.md":
            yield os.path.relpath(path, root), open(path, encoding="utf-8").read()


def split_code(text):
    """A document's prose without its code blocks (fenced, or indented behind an empty line), and their lines."""
    prose, code, fenced, indented, before = [], [], False, False, ""
    for line in text.split("\n"):
        fence = line.startswith("```")
        indented = line.startswith("    ") and (indented or not before.strip())
        (code if fenced or indented else prose).append("" if fence else line)
        fenced ^= fence
        before = line
    return "\n".join(prose), "\n".join(code)


# ------------------------------------------------------------------ links

def anchors(text):
    """The names that GitHub gives the headings of a document."""
    headings = re.findall(r"^#+ +(.*)$", split_code(text)[0], re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def check_links(root):
    for name, text in documents(root):
        for target in LINK.findall(CODE.sub("", split_code(text)[0])):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            path = os.path.join(root, os.path.dirname(name), path) if path else os.path.join(root, name)
            if not os.path.exists(path):
                complain(name, f"{target} is not there")
            elif anchor and anchor not in anchors(open(path, encoding="utf-8").read()):
                complain(name, f"{target}: no such heading")


# ------------------------------------------------------------------ paths

def check_paths(root):
    """Files that documents name in `code`, and documents that sources name; nobody's own folders."""
    for name, text in documents(root):
        for _, code in CODE.findall(split_code(text)[0]):
            if not FILE.fullmatch(code) or PLACEHOLDER.search(code):
                continue
            test = os.path.join(root, "tests", code + ".bats")  # `cli/help` is a test's name
            if not glob.glob(os.path.join(root, code)) and not os.path.exists(test):
                complain(name, f"{code} is not there")
        for own in re.findall(r"(?:/work|\.\./shared|/home)/\S*", text):
            complain(name, f"{own} is a path of one workplace")
    endings = (".c", ".h", ".py", ".cmake")
    for path in (f for folder in FOLDERS.split("|") for f in files_below(os.path.join(root, folder), *endings)):
        for document in DOCUMENT.findall(open(path, encoding="utf-8").read()):
            if not os.path.exists(os.path.join(root, document)):
                complain(os.path.relpath(path, root), f"{document} is not there")


# ------------------------------------------------------------------ commands and options

def help_of(program, *words):
    run = subprocess.run([program, *words, "--help"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return run.stdout if run.returncode == 0 else ""


def listed(text):
    below = re.search(r"^Commands:\n((?:  .*\n)+)", text, re.M)
    return [line.split()[0] for line in below[1].splitlines()] if below else []


def options_of(text):
    """The options that a help lists, each at the beginning of its line."""
    return set(re.findall(r"^ +(?:-[\w?], )?(--[\w-]+)", text, re.M))


def helps_of(program):
    """{"models list": its help} of all commands."""
    helps = {}
    for command in listed(help_of(program)):
        for name in [f"{command} {below}" for below in listed(help_of(program, command))] or [command]:
            helps[name] = help_of(program, *name.split())
    return helps


def commands_in(text):
    """The calls of the program in code blocks and `code`, a line each."""
    prose, code = split_code(text)
    lines = code.replace("\\\n", " ").split("\n") + [" ".join(c.split()) for _, c in CODE.findall(prose)]
    for line in lines:
        for call in re.split(r"&&|\||;|=\(", line.partition(" #")[0]):
            found = re.match(r"\s*(?:\w+=\S+ )*(?:\S*/)?secondlook ([a-z].*)", call)
            if found:
                yield found[1]


def check_commands(root, program):
    helps = helps_of(program)
    groups = {name.split()[0] for name in helps if " " in name}
    for name, text in documents(root):
        for call in commands_in(text):
            words = call.split()
            command = " ".join(words[:2]) if words[0] in groups and len(words) > 1 else words[0]
            if command not in helps and command not in groups:
                complain(name, f"secondlook {call}: no such command")
                continue
            known = options_of(helps[command]) if command in helps else set()
            for option in OPTION.findall(call):
                if option not in known | {"--help"} and command in helps:
                    complain(name, f"secondlook {call}: {command} has no {option}")


def check_options(root, program):
    known = {"--help", "--version"}.union(*map(options_of, helps_of(program).values()))
    text = open(os.path.join(root, "docs", "cli.md"), encoding="utf-8").read()
    for option in sorted(set(OPTION.findall(text)) - known):
        complain("docs/cli.md", f"no command has {option}")


def check_page(root, program):
    """The man page has every command and every option; that it is fresh is another test's."""
    page = open(os.path.join(root, "docs", "secondlook.1"), encoding="utf-8").read().replace("\\-", "-")
    for name, text in helps_of(program).items():
        if f".SS {name}\n" not in page:
            complain("docs/secondlook.1", f"no command {name}")
        for option in options_of(text) - {"--help", "--usage"}:
            if not re.search(rf"\\fB(-\w, )?{option}\\fR", page):
                complain("docs/secondlook.1", f"no {option} of {name}")


def main():
    checks = {"links": check_links, "paths": check_paths, "commands": check_commands, "options": check_options,
              "page": check_page}
    checks[sys.argv[1]](*sys.argv[2:])
    print(*problems, sep="\n")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
