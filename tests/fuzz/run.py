"""`make fuzz`: schemathesis against the real server with the bundles that ship, over its whole OpenAPI document.

Fails on any answer with 500 or above, with a status or a body that the document does not name for the operation, and
on what else schemathesis checks; and if there were fewer cases than asked for. The end is one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx

from model_store.store import shipped_bundles
from tests.integration.service.server import served

HERE = Path(__file__).parent
ADMIN_KEY = "fuzz"
MOST_DOCUMENTS = "1000000"


def strict(openapi: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The document without its "default" answers, which would make every status a documented one, and with a name for
    uploads; and how many operations take anything, of which alone there can be more than a handful of cases."""
    variable = 0
    for methods in openapi["paths"].values():
        for operation in methods.values():
            operation["responses"].pop("default", None)
            content = operation.get("requestBody", {}).get("content", {})
            variable += bool(content or operation.get("parameters"))
            if form := content.get("multipart/form-data"):
                disposition = {"schema": {"type": "string"}, "example": 'form-data; filename="fuzz.md"'}
                form["encoding"] = {"file": {"headers": {"Content-Disposition": disposition}}}
    return openapi, variable


def fuzz(schemathesis: str, cases: int, seed: int) -> dict[str, Any]:
    """Run it; its report, with the exit code that says whether it found something."""
    with (
        tempfile.TemporaryDirectory() as folder,
        served(
            shipped_bundles(),
            ADMIN_KEY=ADMIN_KEY,
            SUGGESTIONS_FILE=f"{folder}/suggestions",
            MAX_DOCUMENTS=MOST_DOCUMENTS,
            MAX_DOCUMENTS_PER_CLIENT=MOST_DOCUMENTS,
        ) as server,
    ):
        document, operations = strict(httpx.get(f"{server.url}/openapi.json").json())
        schema, report = Path(folder, "openapi.json"), Path(folder, "report.json")
        schema.write_text(json.dumps(document), encoding="utf-8")
        for name in ("hooks.py", "schemathesis.toml"):  # beside what it keeps of a run
            shutil.copy(HERE / name, folder)
        command = [str(Path(schemathesis).resolve()), "--config-file=schemathesis.toml", "run", str(schema)]
        command += [f"--url={server.url}", f"--seed={seed}", f"--max-examples={math.ceil(cases / operations)}"]
        command += ["--report=json", f"--report-json-path={report}"]
        subprocess.run(command, cwd=folder, env=os.environ | {"VERSO_ADMIN_KEY": ADMIN_KEY}, check=False)
        found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
        return found


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="fewest cases in the run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--schemathesis", default="build/fuzz/bin/schemathesis")
    asked = parser.parse_args()
    found = fuzz(asked.schemathesis, asked.cases, asked.seed)
    counted, operations = found["test_cases"], found["operations"]
    passed = found["exit_code"] == 0 and counted["generated"] >= asked.cases
    result = {
        "schemathesis": found["schemathesis_version"],
        "seed": asked.seed,
        "operations": operations["tested"],
        "cases": counted["generated"],
        "failures": counted["unique_failures"],
        "errors": counted["errored"],
        "seconds": round(found["running_time"]),
        "passed": passed,
    }
    sys.stdout.write(json.dumps(result) + "\n")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
