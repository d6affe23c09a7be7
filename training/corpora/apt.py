"""Fetches package indices through apt with a state folder of its own: the machine's sources, not its state."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from model_store.errors import ConfigError
from training.corpora.errors import CorpusError

_LANGUAGE = re.compile(r"[a-z]{2,3}([-_][A-Z]{2})?")

# A file read after the machine's own settings is the only way to clear lists such as the hooks, which would run on
# the machine's state. Package lists and source lists are not needed; indices are wanted unpacked.
_SETTINGS = """\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear Acquire::Languages;
Acquire::Languages {{ {languages} }};
Acquire::GzipIndexes "false";
Acquire::IndexTargets::deb::Packages::DefaultEnabled "false";
Acquire::IndexTargets::deb-src::Sources::DefaultEnabled "false";
APT::Update::Error-Mode "any";
"""


def apt_language(code: str) -> str:
    """A language code as the indices' names have it: pt_BR.

    Raises:
        ConfigError: not a code of that form.
    """
    if not _LANGUAGE.fullmatch(code):
        raise ConfigError(f"left, right: {code!r} names no language of descriptions; allowed: such as 'ru', 'pt-BR'")
    return code.replace("-", "_")


def fetch_translations(languages: Sequence[str], folder: Path) -> list[list[Path]]:
    """Download the Translation-XX indices of all sources of this machine into `folder`.

    Args:
        languages: as apt_language gives them.
        folder: empty; everything that apt writes goes here.

    Returns:
        For each language its index files, at least one.

    Raises:
        CorpusError: apt is missing or fails, or no source has a language.
    """
    if shutil.which("apt-get") is None:
        raise CorpusError("debian_descriptions: apt-get is not on the PATH; this source needs Debian or a derivative")
    lists = folder / "state" / "lists"
    (lists / "partial").mkdir(parents=True)
    (folder / "cache").mkdir()
    folder.chmod(0o755)  # else apt, run by root, cannot download as its unprivileged user
    settings = folder / "apt.conf"
    settings.write_text(_SETTINGS.format(languages=" ".join(f'"{code}";' for code in languages)), encoding="utf-8")
    command = ["apt-get", "update", "-q", "-c", str(settings)]
    for name, path in (("State", folder / "state"), ("State::lists", lists), ("Cache", folder / "cache")):
        command += ["-o", f"Dir::{name}={path}"]
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=False, env={**os.environ, "LC_ALL": "C"}
    )
    if done.returncode:
        raise CorpusError(f"debian_descriptions: apt-get update failed ({done.returncode}): {done.stderr.strip()}")
    found = [sorted(lists.glob(f"*_Translation-{code}")) for code in languages]
    for code, paths in zip(languages, found, strict=True):
        if not paths:
            raise CorpusError(
                f"debian_descriptions: no package source of this machine has descriptions in {code!r}; apt said: "
                f"{(done.stderr or done.stdout).strip()}"
            )
    return found
