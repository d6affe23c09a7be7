"""verso-train where only what serving needs may be installed: what is missing is said, and how to get it."""

from __future__ import annotations

import typer

# What the extra `train` brings. Another module that is missing is a fault of ours, with a traceback.
OF_THE_EXTRA = ("datasketch", "debian", "lightning_fabric", "rouge_score", "sacrebleu", "sacremoses", "tensorboard")


def main() -> None:
    """Entry point."""
    try:
        from training import commands

        commands.main()
    except ModuleNotFoundError as error:
        if error.name not in OF_THE_EXTRA:
            raise
        typer.echo(
            f"verso-train: {error.name} is not installed, which the extra `train` has: pip install '.[train]', in the "
            "folder of Verso's sources",
            err=True,
        )
        raise SystemExit(2) from error


if __name__ == "__main__":
    main()
