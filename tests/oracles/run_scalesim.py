"""Prints cycles and buffer accesses of products by SCALE-Sim 3.0.0: what tests/estimates/test_array.py holds.

Needs scalesim==3.0.0 and numpy<2.3, and nothing of nmc.
"""

import csv
import tempfile
from pathlib import Path

from scalesim.scale_sim import scalesim

PRODUCTS = [(1, 128, 64), (1, 10, 128), (256, 128, 64), (100, 300, 50), (513, 257, 129)]
SETTINGS = """
[general]
run_name = run
[architecture_presets]
ArrayHeight: 32
ArrayWidth: 16
IfmapSramSzkB: 1024
FilterSramSzkB: 1024
OfmapSramSzkB: 1024
IfmapOffset: 0
FilterOffset: 10000000
OfmapOffset: 20000000
Dataflow: {dataflow}
Bandwidth: 10
ReadRequestBuffer: 512
WriteRequestBuffer: 512
[layout]
IfmapCustomLayout: False
IfmapSRAMBankBandwidth: 10
IfmapSRAMBankNum: 10
IfmapSRAMBankPort: 2
FilterCustomLayout: False
FilterSRAMBankBandwidth: 10
FilterSRAMBankNum: 10
FilterSRAMBankPort: 2
[sparsity]
SparsitySupport: false
SparseRep: ellpack_block
OptimizedMapping: false
BlockSize: 8
RandomNumberGeneratorSeed: 40
[run_presets]
InterfaceBandwidth: USER
UseRamulatorTrace: False
"""


def column(folder: Path, report: str, title: str) -> list[str]:
    (path,) = folder.rglob(report)
    header, *rows = csv.reader(path.read_text().splitlines(), skipinitialspace=True)
    return [row[header.index(title)] for row in rows if row]


def main() -> None:
    lines = ["Layer,M,N,K,", *(f"L{i},{m},{n},{k}," for i, (m, n, k) in enumerate(PRODUCTS))]
    for dataflow in ("os", "ws", "is"):
        folder = Path(tempfile.mkdtemp())
        settings, products = folder / "settings.cfg", folder / "products.csv"
        settings.write_text(SETTINGS.format(dataflow=dataflow))
        products.write_text("\n".join(lines) + "\n")
        simulator = scalesim(
            save_disk_space=True, verbose=False, config=str(settings), topology=str(products), layout=str(products),
            input_type_gemm=True,
        )  # fmt: skip
        simulator.run_scale(top_path=str(folder))
        found = [column(folder, "COMPUTE_REPORT.csv", "Total Cycles")]
        found += [
            column(folder, "DETAILED_ACCESS_REPORT.csv", title)
            for title in ("SRAM IFMAP Reads", "SRAM Filter Reads", "SRAM OFMAP Writes")
        ]
        for product, counts in zip(PRODUCTS, zip(*found, strict=True), strict=True):
            print(dataflow, product, *counts)


if __name__ == "__main__":
    main()
