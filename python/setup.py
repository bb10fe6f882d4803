"""The C part: beside the installed library, which pkg-config finds. One file for CPython 3.11 and later."""
import glob
import shlex
import subprocess

from setuptools import Extension, setup


def pkg_config(what):
    try:
        return shlex.split(subprocess.run(["pkg-config", what, "secondlook"], stdout=subprocess.PIPE, text=True,
                                          check=True).stdout)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit("pkg-config does not find secondlook: install libsecondlook-dev, or set PKG_CONFIG_PATH") from error


setup(
    version=pkg_config("--modversion")[0],
    ext_modules=[Extension("secondlook._core", sorted(glob.glob("core/*.c")), depends=["core/py_core.h"],
                           extra_compile_args=["-std=gnu11", *pkg_config("--cflags")],
                           extra_link_args=pkg_config("--libs"), py_limited_api=True)],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
