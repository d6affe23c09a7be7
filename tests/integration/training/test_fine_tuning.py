"""`verso-train run --from`: the shipped translator learns the words of a house and keeps its own.

The house's memory is made here: a few terms that the shipped model cannot know, in a few frames, as a TMX. What it knew
before is judged by everyday sentences and software strings.
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

import pytest
import sacrebleu
from typer.testing import CliRunner

from model_store.bundle import Bundle, load_bundle
from model_store.errors import ConfigError
from model_store.store import BundleStore
from tests.integration.training.test_options import invoke
from training.commands import app
from training.evaluation import Model
from training.run import RECIPES

TERMS = {
    "the wobble board": "качающуюся доску",
    "the frost gauge": "измеритель инея",
    "the tally sheet": "ведомость учёта",
    "the loom cover": "чехол станка",
    "the brine pump": "рассольный насос",
    "the night ledger": "ночной журнал",
}
FRAMES = {
    "Open {}.": "Откройте {}.",
    "Close {}.": "Закройте {}.",
    "Check {} twice.": "Дважды проверьте {}.",
    "Do not touch {}.": "Не трогайте {}.",
    "Show {} to the keeper.": "Покажите {} смотрителю.",
}
IN_DOMAIN = [(frame.format(term), FRAMES[frame].format(TERMS[term])) for frame in FRAMES for term in TERMS]
HELD_OUT, MEMORY = IN_DOMAIN[::5], [pair for index, pair in enumerate(IN_DOMAIN) if index % 5]
GENERAL = {
    "The file could not be saved.": "Файл не может быть сохранён.",
    "Select a directory": "Выберите каталог",
    "I do not know where she lives.": "Я не знаю, где она живёт.",
    "Enter the name of the new folder.": "Введите имя новой папки.",
    "Unable to connect to the server": "Не удалось подключиться к серверу",
    "He bought a new book yesterday.": "Вчера он купил новую книгу.",
    "Password is too short": "Пароль слишком короткий",
    "This package contains the documentation.": "Этот пакет содержит документацию.",
    "Where is the station?": "Где вокзал?",
    "I want to go home.": "Я хочу домой.",
    "She does not like coffee.": "Она не любит кофе.",
    "Delete the selected files": "Удалить выбранные файлы",
    "The program could not be started.": "Программа не может быть запущена.",
    "Tom has three brothers.": "У Тома три брата.",
    "Print the list of installed packages": "Вывести список установленных пакетов",
    "What are you doing here?": "Что ты здесь делаешь?",
    "Open the file in a new window": "Открыть файл в новом окне",
    "It is too late now.": "Сейчас уже слишком поздно.",
    "Changes the color of the text": "Изменяет цвет текста",
    "They are waiting for you.": "Они ждут тебя.",
}
MOST_LOST = 15.0  # BLEU of what it is not reminded of; 7 when this was written, of 76
RECIPE = """
[data]
directions = ["en-ru"]
sources = [{ name = "memory", format = "tmx", left = "en", right = "ru", path = "memory.tmx", licence = "ours" }]

[network]
dropout = 0.0

[trainer]
threads = 1
batch_tokens = 300
max_steps = 90
learning_rate = 3e-4
warmup_steps = 5
average_decay = 0.8
validate_every_steps = 1000

[export]
name = "house"
"""


def write_tmx(path: Path, pairs: list[tuple[str, str]]) -> None:
    unit = '<tu><tuv xml:lang="en"><seg>{}</seg></tuv><tuv xml:lang="ru"><seg>{}</seg></tuv></tu>'
    units = "".join(unit.format(escape(left), escape(right)) for left, right in pairs)
    header = '<header srclang="en" segtype="sentence" datatype="plaintext" o-tmf="x" adminlang="en" creationtool="x" '
    path.write_text(f'<tmx version="1.4">{header}creationtoolversion="1"/><body>{units}</body></tmx>', encoding="utf-8")


def answers(bundle: Bundle, sentences: list[str]) -> list[str]:
    model = Model.of_bundle(bundle)
    return model.decode(sentences, "en", "ru").outputs


def bleu(bundle: Bundle, pairs: list[tuple[str, str]]) -> float:
    sources, references = [left for left, _right in pairs], [right for _left, right in pairs]
    return float(sacrebleu.corpus_bleu(answers(bundle, sources), [references]).score)


@pytest.fixture(scope="module", name="folder")
def folder_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("house")
    write_tmx(folder / "memory.tmx", MEMORY)
    (folder / "house.toml").write_text(RECIPE, encoding="utf-8")
    return folder


def test_in_domain_quality_rises_and_the_rest_stays(folder: Path) -> None:
    invoke("run", str(folder / "house.toml"), "--from", "translate-en-ru", "--runs", str(folder / "runs"))
    shipped = load_bundle(BundleStore().resolve("translate-en-ru"))
    adapted = load_bundle(folder / "runs" / "house" / "bundles" / "house" / "1")
    before, after = (bleu(bundle, HELD_OUT) for bundle in (shipped, adapted))
    assert after > 60 > 10 > before
    knew, knows = (bleu(bundle, list(GENERAL.items())) for bundle in (shipped, adapted))
    assert knows > knew - MOST_LOST
    assert knew > 60
    assert adapted.tokenizer.serialized == shipped.tokenizer.serialized
    beginning, memory = adapted.manifest.data
    assert (beginning.name, beginning.licence) == (
        f"translate-en-ru@{shipped.manifest.version}",
        shipped.manifest.licence,
    )
    assert (memory.name, memory.licence) == ("memory", "ours")


def test_a_bundle_to_start_from_that_is_forgotten_is_asked_for(folder: Path, tmp_path: Path) -> None:
    call = (str(folder / "house.toml"), "--runs", str(tmp_path))
    invoke("prepare", *call, "--from", "translate-en-ru")
    for command in ("train", "export"):
        with pytest.raises(ConfigError, match="house/data: was prepared with --from; give that here too"):
            invoke(command, *call)


def test_what_was_prepared_with_another_vocabulary_is_not_adapted(folder: Path, tmp_path: Path) -> None:
    numbers = ("--data", str(RECIPES), "--runs", str(tmp_path))
    recipe = tmp_path / "numbers.toml"
    recipe.write_text(f'extends = "{RECIPES / "tiny.toml"}"\n[export]\nname = "other"\n', encoding="utf-8")
    invoke("prepare", str(recipe), *numbers)
    stranger = tmp_path / "stranger.toml"
    stranger.write_text(RECIPE.replace('"memory"', '"numbers"').replace('"house"', '"other"'), encoding="utf-8")
    result = CliRunner().invoke(app, ["train", str(stranger), "--from", "translate-en-ru", *numbers])
    assert isinstance(result.exception, ConfigError)
    assert "tokenizer.vocabulary" in str(result.exception)
