"""How much there is to bring: the wheel, the images, and what each image adds to its base."""

import sys
from collections.abc import Sequence

from lab import ROOT, subprocesses
from lab.bench.harness.figures import Cell, Table
from lab.bench.harness.peers import Package
from lab.subprocesses import Runner
from services.runtime.files.temporary import temporary_directory

BUILD = Package("build", "build")
MB = 1_000_000
TIMEOUT_S = 120.0
SERVICES = ("hello", "sites", "client", "gateway", "broker", "watch")


def wheel_mb(run: Runner = subprocesses.run) -> float | None:
    """Return the wheel's size in MB; None where it cannot be built here."""
    with temporary_directory("asynclab-bench-") as directory:
        command = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(directory), str(ROOT))
        if not run(command, timeout_s=TIMEOUT_S).ok:
            return None
        return sum(file.stat().st_size for file in directory.glob("*.whl")) / MB


def image_mb(image: str, run: Runner = subprocesses.run) -> float | None:
    """Return an image's size in MB, its base's included; None where the engine has none of that name."""
    found = run(("docker", "image", "inspect", "--format", "{{.Size}}", image), timeout_s=TIMEOUT_S)
    return int(found.out) / MB if found.ok and found.out.strip().isdigit() else None


def table(base: str, tag: str, run: Runner = subprocesses.run) -> Table:
    """Return the size of each image, and what it has beyond its base."""
    base_mb = image_mb(base, run)
    rows: list[Sequence[Cell]] = [(f"its base, {base}", base_mb, None)]
    for service in SERVICES:
        size_mb = image_mb(f"asynclab/{service}:{tag}", run)
        if size_mb is not None:
            rows.append((service, size_mb, size_mb - base_mb if base_mb is not None else None))
    return Table("start: images", ("image", "MB", "MB beyond its base"), tuple(rows))
