"""What an experiment finds: named curves over one axis, as JSON and as a plot."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from model_store.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


def canvas_class() -> type[Canvas]:
    """What plots are drawn on. Raises ConfigError if matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure as Canvas
    except ImportError as error:
        raise ConfigError(
            "experiment: plots need the extra `experiments`: pip install '.[experiments]', in the folder of Verso's "
            "sources"
        ) from error
    return Canvas


@dataclass(frozen=True)
class Series:
    """One curve. x, y: of the same length, in the units that the figure's axes name."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Figure:
    """Curves that share their axes. name: the file's, without ending. log_y: a logarithmic y axis."""

    name: str
    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    log_y: bool = False

    def save(self, folder: Path) -> tuple[Path, Path]:
        """Write <name>.json and <name>.svg into `folder`, which is made if need be. Raises as canvas_class."""
        canvas_of = canvas_class()
        folder.mkdir(parents=True, exist_ok=True)
        numbers, plot = folder / f"{self.name}.json", folder / f"{self.name}.svg"
        numbers.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        canvas = canvas_of(figsize=(7, 4), layout="constrained")
        axes = canvas.subplots()
        for each in self.series:
            axes.plot(each.x, each.y, label=each.name)
        axes.set(title=self.title, xlabel=self.x_label, ylabel=self.y_label, yscale="log" if self.log_y else "linear")
        axes.grid(alpha=0.3)
        axes.legend()
        canvas.savefig(plot, metadata={"Date": None})
        return numbers, plot
