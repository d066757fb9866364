"""Runs a Lava program as if Lava had the extension for Loihi 2. Runs inside the toolchain.

    python loihi2_without_chip.py FOLDER ARGUMENT...

There is no chip behind it: by way of Lava's own Loihi2HwCfg, every process falls back to its fixed-point model.
What this cannot show is how the real extension behaves.
"""

import functools
import importlib.util
import runpy
import sys
from pathlib import Path


def load(name, path):
    specification = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def main(folder, arguments):
    load("program", folder / "run.py").load_lava()
    import lava.magma.core.run_configs as configurations
    import lava.proc

    lava.proc.embedded_io = load("lava.proc.embedded_io", Path(__file__).parent / "loihi2_stub" / "embedded_io.py")
    configurations.CLoihiProcessModel = type("CLoihiProcessModel", (), {})  # the extension's, for processes in C
    configurations.Loihi2HwCfg = functools.partial(configurations.Loihi2HwCfg, select_tag="fixed_pt")
    sys.argv = [str(folder / "run.py"), *arguments]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
