"""What an experiment finds if it compares systems: a table, as JSON and as Markdown."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

Cell = str | int | float


@dataclass(frozen=True)
class Table:
    """Rows of cells under `columns`. name: the file's, without ending. title: what was measured, on what."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def markdown(self) -> str:
        """The table as Markdown has it, numbers with one decimal."""
        lines = [self.columns, tuple("---" for _column in self.columns), *self.rows]
        return "".join(f"| {' | '.join(map(_shown, line))} |\n" for line in lines)

    def save(self, folder: Path) -> tuple[Path, Path]:
        """Write <name>.json and <name>.md into `folder`, which is made if need be."""
        folder.mkdir(parents=True, exist_ok=True)
        numbers, page = folder / f"{self.name}.json", folder / f"{self.name}.md"
        numbers.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        page.write_text(f"{self.title}\n\n{self.markdown()}", encoding="utf-8")
        return numbers, page


def _shown(cell: Cell) -> str:
    return f"{cell:.1f}" if isinstance(cell, float) else str(cell)
