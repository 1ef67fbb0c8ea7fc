"""Make the vendored files again, from an unpacked package folder of the official web SDK.

README.md beside this says where the package comes from.
"""

import argparse
import json
import shutil
from pathlib import Path

#: In the order in which they need each other: the worker comes last.
WORKER_SOURCES = ("do-request.js", "device-state-store.js", "service-worker.js")


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the vendored files of the web SDK again.")
    parser.add_argument("package", type=Path, help="the unpacked npm package")
    parser.add_argument("--to", type=Path, default=Path(__file__).parent, help="default: here")
    arguments = parser.parse_args()
    vendor(arguments.package, arguments.to)


def vendor(package: Path, to: Path) -> None:
    """Write the SDK, its service worker and its license from `package` into the folder `to`."""
    for copied in ("dist/push-notifications-cdn.js", "LICENSE"):
        shutil.copyfile(package / copied, to / Path(copied).name)
    (to / "service-worker.js").write_text(service_worker_of(package), encoding="utf-8")


def service_worker_of(package: Path) -> str:
    """Join the worker's modules to one plain script, which the package itself doesn't hold."""
    about = json.loads((package / "package.json").read_text(encoding="utf-8"))
    title = f"// {about['name']} {about['version']}, {about['license']} license, joined from src/\n"
    sources = [(package / "src" / name).read_text(encoding="utf-8") for name in WORKER_SOURCES]
    return title + "".join(_as_plain_script(source) for source in sources)


def _as_plain_script(module: str) -> str:
    lines = [line for line in module.splitlines() if not line.startswith("import ")]
    return "\n".join(line.removeprefix("export default ") for line in lines) + "\n"


if __name__ == "__main__":
    main()
