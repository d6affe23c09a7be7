"""A program of a comparison: started, told what to open, asked one thing at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.limits import Numbers
from benchmarks.peers.memory import peak_mb
from service.native_libraries import DEFAULTS

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Program:
    """A module of this package. environment: a folder beside the others'; empty for Verso's own. feeding: the network
    has input feeding. widths: what its widths are made multiples of to train it. numbers: what it computes in, if the
    limit of its network is known."""

    module: str
    environment: str
    variant: str
    feeding: bool = False
    widths: int = 1
    numbers: Numbers | None = None


class Running:
    """A program that was started; it idles in a read until asked. settings: one line of JSON."""

    def __init__(self, name: str, program: Program, settings: str, threads: int, environments: Path) -> None:
        self.name = name
        python = environments / program.environment / "bin" / "python" if program.environment else Path(sys.executable)
        if not python.exists():
            raise FileNotFoundError(f"environments: {python} is missing; `make peers` makes it")
        limits = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        ours = {} if program.environment else DEFAULTS  # as `verso` sets them
        self._process = subprocess.Popen(
            [str(python), "-W", "ignore", "-m", f"benchmarks.peers.{program.module}", settings],
            cwd=ROOT,
            env={**ours, **os.environ, **limits},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def answer(self) -> dict[str, Any]:
        """The next line; raises RuntimeError if the program ended without one."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name}: ended with status {self._process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(self, command: dict[str, object]) -> dict[str, Any]:
        """What it answers, and the most memory that it has taken until now."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return {**self.answer(), "peak_mb": peak_mb(self._process.pid)}

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
