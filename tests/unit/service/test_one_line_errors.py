"""What a user can mend, in one line: here of a key that a server refuses."""

from __future__ import annotations

import pytest
import typer

from service.client_answers import KeyRefusedError
from service.one_line_errors import one_line_errors


def test_who_is_refused_a_key_is_told_where_it_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as end, one_line_errors():
        raise KeyRefusedError("Authorization: not a key of this service", status=401, type="unauthorized")
    assert end.value.exit_code == 2
    written = capsys.readouterr().err
    assert written.startswith("verso: Authorization: not a key of this service; ")
    assert "VERSO_API_KEY" in written
    assert written.count("\n") == 1
