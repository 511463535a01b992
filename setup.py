"""What `pyproject.toml` cannot say: the one part of amp that is compiled, where a C compiler is at hand.

Without one, or without Python's headers, amp is installed all the same and does the work in Python.
"""

from setuptools import Extension, setup

SPEEDUPS = Extension(
    "amp.core.ws.speedups",
    ["src/amp/core/ws/speedups.c"],
    extra_compile_args=["-O3"],  # else GCC leaves the loop over an event's bytes as it is
    optional=True,
    py_limited_api=True,
)

setup(ext_modules=[SPEEDUPS], options={"bdist_wheel": {"py_limited_api": "cp311"}})
