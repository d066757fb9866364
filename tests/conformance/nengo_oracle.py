"""Networks run by a Nengo program's own run.py, all in one process. Runs inside the toolchain.

    python nengo_oracle.py RUN_PY FOLDER

FOLDER holds cases.json, a list of {"network": as in a program's network.json, "steps"}, and cases.npz with the
arrays "CASE/weights/NAME" and "CASE/input/NAME". It writes results.npz there: "CASE/OUTPUT".
"""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np


def main(run_py, folder):
    specification = importlib.util.spec_from_file_location("run", run_py)
    program = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(program)
    arrays = {}
    with np.load(folder / "cases.npz") as file:
        for key, value in file.items():
            number, role, name = key.split("/", 2)
            arrays.setdefault((int(number), role), {})[name] = value
    results = {}
    for number, case in enumerate(json.loads((folder / "cases.json").read_text())):
        weights, inputs = arrays.get((number, "weights"), {}), arrays[number, "input"]
        given = program.run(case["network"], weights, inputs, case["steps"])
        results.update({f"{number}/{name}": value for name, value in given.items()})
    np.savez(folder / "results.npz", **results)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
