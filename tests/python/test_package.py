"""The package as it is installed: what stubs and documents say is there, pip, the examples. BUILD and SOURCE are the
folders of the build and the sources."""
import ast
import inspect
import os
import re
import subprocess
import sys
import tempfile
import unittest

import secondlook
from secondlook import _core

BUILD, SOURCE = os.environ["BUILD"], os.environ["SOURCE"]


def stub():
    with open(os.path.join(SOURCE, "python/secondlook/_core.pyi")) as file:
        return ast.parse(file.read()).body


def names_of(arguments):
    return [a.arg for a in arguments.posonlyargs + arguments.args + arguments.kwonlyargs if a.arg not in ("self", "cls")]


class Stubs(unittest.TestCase):
    def check(self, name, function, node):
        try:
            said = [p for p in inspect.signature(function).parameters if p != "self"]
        except ValueError:
            return  # Python's own slots have no signature
        self.assertEqual(said, names_of(node.args), name)

    def test_functions_and_their_arguments(self):
        stubs = {n.name: n for n in stub() if isinstance(n, ast.FunctionDef)}
        there = {n for n in dir(_core) if not n.startswith("_") and not isinstance(getattr(_core, n), type)}
        self.assertEqual(set(stubs), there)
        for name, node in stubs.items():
            self.check(name, getattr(_core, name), node)

    def test_types_and_their_members(self):
        stubs = {n.name: n for n in stub() if isinstance(n, ast.ClassDef)}
        there = {n for n in dir(_core) if isinstance(getattr(_core, n), type) and n != "Array"}
        self.assertEqual(set(stubs), there)
        for name, node in stubs.items():
            members = {n.name: n for n in node.body if isinstance(n, ast.FunctionDef)}
            kind = getattr(_core, name)
            self.assertEqual({m for m in members if not m.startswith("_")},
                             {m for m in dir(kind) if not m.startswith("_")})
            self.check(name, kind, members["__new__"])
            for member in (m for m in members.values() if not m.decorator_list and not m.name.startswith("_")):
                self.check(f"{name}.{member.name}", getattr(kind, member.name), member)

    def test_every_record_is_public(self):
        from secondlook import _errors, _records
        for module in (_errors, _records):
            own = {n for n, v in vars(module).items() if isinstance(v, type) and v.__module__ == module.__name__}
            self.assertEqual(own - set(dir(secondlook)), set())

    def test_the_document_names_what_is_there(self):
        with open(os.path.join(SOURCE, "docs/python.md")) as file:
            for names in re.findall(r"^\| (`.*?) \|", file.read(), re.M):
                for name in re.findall(r"`\.?(\w+)", names.split(" | ")[0]):
                    self.assertTrue(hasattr(secondlook, name) or hasattr(secondlook.evaluation, name) or
                                    name in ("DeepFace", "FaceAnalysis", "faces"), name)


class StableAbi(unittest.TestCase):
    def test_it_links_no_python(self):
        """One file for every Python: its symbols come from the one that loads it."""
        needed = subprocess.run(["readelf", "-d", _core.__file__], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.assertNotIn("libpython", needed)
        self.assertTrue(_core.__file__.endswith(".abi3.so"))


class Pip(unittest.TestCase):
    def test_pip_install(self):
        tools = subprocess.run([sys.executable, "-c", "import setuptools, wheel, pip"], stderr=subprocess.DEVNULL,
                               check=False)
        if tools.returncode:
            self.skipTest("pip, setuptools or wheel is not here: tools/setup check")
        with tempfile.TemporaryDirectory() as room:
            stage, target, source = (os.path.join(room, name) for name in ("stage", "target", "source"))
            subprocess.run(["cmake", "--install", BUILD], env=os.environ | {"DESTDIR": stage},
                           stdout=subprocess.DEVNULL, check=True)
            subprocess.run(["cp", "-r", os.path.join(SOURCE, "python"), source], check=True)
            found = {f: root for root, _, files in os.walk(stage) for f in files}
            there = os.environ | {"PKG_CONFIG_PATH": found["secondlook.pc"], "PKG_CONFIG_SYSROOT_DIR": stage,
                                  "LD_LIBRARY_PATH": os.path.dirname(found["secondlook.pc"]), "PYTHONPATH": target}
            done = subprocess.run([sys.executable, "-m", "pip", "install", "--no-build-isolation", "--no-deps",
                                   "--no-index", "--quiet", "--target", target, source],
                                  env=there, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout)
            said = subprocess.run([sys.executable,
                                   "-c", "import secondlook; print(secondlook.__file__, secondlook.__version__)"],
                                  env=there, stdout=subprocess.PIPE, text=True, check=True).stdout
            self.assertIn(target, said)
            self.assertIn(secondlook.version(), said)


class Examples(unittest.TestCase):
    def test_flow_of_faces(self):
        from test_photos import NETWORKS, PHOTOS
        for path in NETWORKS + PHOTOS:
            if not os.path.exists(path):
                self.skipTest("the networks or the demo's photos are not here: make models, tools/demo-photos")
        with tempfile.TemporaryDirectory() as room:
            out = os.path.join(room, "flow.png")
            done = subprocess.run([sys.executable, os.path.join(SOURCE, "examples/flow_of_faces.py"), *PHOTOS[:2], out],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            if "skipped: " in done.stdout:
                self.skipTest(done.stdout)
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertGreater(secondlook.read_image(out).std(), 10)


if __name__ == "__main__":
    unittest.main()
