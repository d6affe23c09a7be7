"""Glossaries are kept for each owner apart, over a restart, and not without end."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from model_store.errors import ConfigError
from service.errors import GlossariesFullError, GlossaryNotFoundError, GlossaryStoreError, InvalidRequestError
from service.glossaries import MOST_OF_ONE_OWNER, Glossaries, GlossaryInfo
from service.text.glossary import GlossaryTerm

INFO = GlossaryInfo("it", "en", "ru", 0, "")
TERMS = (GlossaryTerm("file", "файл*"), GlossaryTerm("disk", "диск|винчестер"))


def test_what_is_kept_is_there_after_a_restart_and_for_its_owner_only(tmp_path: Path) -> None:
    async def run() -> None:
        first = Glossaries(tmp_path / "terms.db")
        kept = await first.put("anna", INFO, TERMS)
        assert (kept.count, kept.changed[-6:]) == (2, "+00:00")
        first.close()
        second = Glossaries(tmp_path / "terms.db")
        assert await second.get("anna", "it") == (kept, TERMS)
        assert await second.names("anna") == [kept]
        assert await second.names("") == []
        with pytest.raises(GlossaryNotFoundError, match="none named 'it'"):
            await second.get("", "it")
        await second.put("anna", INFO, TERMS[:1])
        assert (await second.get("anna", "it"))[1] == TERMS[:1]
        with pytest.raises(GlossaryNotFoundError):
            await second.delete("bert", "it")
        await second.delete("anna", "it")
        assert await second.names("anna") == []
        second.close()

    asyncio.run(run())


def test_limits() -> None:
    async def run() -> None:
        glossaries = Glossaries(None)
        with pytest.raises(InvalidRequestError, match=r"0 terms; allowed: 1\.\."):
            await glossaries.put("", INFO, ())
        for number in range(MOST_OF_ONE_OWNER):
            await glossaries.put("", GlossaryInfo(f"g{number}", "en", "ru", 0, ""), TERMS)
        with pytest.raises(GlossariesFullError, match=f"{MOST_OF_ONE_OWNER} glossaries are kept"):
            await glossaries.put("", INFO, TERMS)
        await glossaries.put("", GlossaryInfo("g0", "en", "ru", 0, ""), TERMS)
        await glossaries.put("other", INFO, TERMS)
        glossaries.close()

    asyncio.run(run())


def test_a_file_that_cannot_be_used_is_named_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("this is no database, but long enough to be taken for one" * 20)
    with pytest.raises(ConfigError, match=r"glossaries_file: .*text cannot be used: file is not a database"):
        Glossaries(tmp_path / "text")


def test_a_locked_file_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.embedded_database.LOCK_S", 0.01)
    glossaries = Glossaries(tmp_path / "terms.db")
    other = sqlite3.connect(tmp_path / "terms.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(GlossaryStoreError, match="cannot be read or written: database is locked"):
        asyncio.run(glossaries.delete("", "it"))
    other.close()
    glossaries.close()
