// Translation as you type: one request at a time, the one before aborted, the answer on the page.

import { forgetAlignment, showAlignment, startAlignment } from "/web/alignment.js";
import { startCopying } from "/web/copying.js";
import { offerExplanation, startExplanation, withdrawExplanation } from "/web/explanation.js";
import { startFiles } from "/web/files.js";
import { glossary, startGlossaries } from "/web/glossaries.js";
import { clearProblem, showMessage, showProblem, showWarnings } from "/web/notices.js";
import { AUTO, pair, setDetected, startPickers } from "/web/pickers.js";
import { languageName, number, onLanguage, say } from "/web/preferences.js";
import { Refusal, translateAloud } from "/web/service.js";

const PAUSE_MS = 250; // how long nothing is typed before the text is sent
const TRY_AGAIN_S = 3;
const READ_ALONG_MS = 350; // an answer within this replaces the one before at once; a later one is shown as it grows
const ALTERNATIVES = 3;

const byId = (id) => document.getElementById(id);
const [textarea, output, warnings, alternatives, announcer] = ["source-text", "target-text", "warnings", "alternatives", "announcer"].map(byId);

let limit = 100000;
let timer;
let asked = new AbortController();
let answer = null; // the translation on the page
let model = null;

export function setLimit(characters) {
  limit = characters;
  showCount();
}

export function startTranslation() {
  startAlignment();
  startExplanation();
  startPickers(() => translateSoon(0));
  startGlossaries(() => translateSoon(0));
  startCopying(byId("copy"), output, () => answer?.text ?? "", announcer);
  startFiles(byId("source-pane"), byId("open-file"), byId("file"), () => limit, setText);
  textarea.addEventListener("input", () => {
    forgetAlignment();
    showCount();
    translateSoon(PAUSE_MS);
  });
  byId("clear").addEventListener("click", () => {
    setText("");
    textarea.focus();
  });
  byId("swap").addEventListener("click", () => answer && setText(answer.text), { capture: true });
  onLanguage(() => {
    showCount();
    if (answer) showAround(answer);
    else showNothing();
  });
}

export function translateSoon(delay = PAUSE_MS) {
  clearTimeout(timer);
  asked.abort();
  timer = setTimeout(translateNow, delay);
}

function setText(text) {
  textarea.value = text;
  textarea.dispatchEvent(new Event("input"));
}

async function translateNow() {
  const text = textarea.value;
  const { source, target } = pair();
  if (!text.trim() || !target) return showNothing();
  const count = [...text].length;
  if (count > limit) return showMessage(say("tooLong", { count: number(count), limit: number(limit) }));
  asked = new AbortController();
  output.classList.add("waiting");
  output.ariaBusy = "true";
  try {
    const request = { text, source, target, options: { n_best: ALTERNATIVES }, glossary: glossary() };
    const body = await translateAloud(request, asked.signal, readAlong(target));
    clearProblem();
    model = body.model;
    show(text, target, body.translations[0]);
  } catch (error) {
    if (error.name === "AbortError") return;
    showProblem(error);
    const later = error instanceof Refusal ? error.retryAfter : TRY_AGAIN_S;
    if (later) timer = setTimeout(translateNow, later * 1000);
  }
  output.classList.remove("waiting");
  output.ariaBusy = "false";
}

/** Shows what is sure of a translation that takes its time. */
function readAlong(target) {
  const since = performance.now();
  return (text) => {
    if (performance.now() - since < READ_ALONG_MS) return;
    forgetAlignment();
    output.classList.remove("waiting", "empty");
    output.lang = target;
    output.textContent = text;
  };
}

function show(text, target, translation) {
  answer = translation;
  output.classList.remove("empty");
  output.lang = target;
  showAlignment(text, translation.text, translation.alignment);
  setDetected(translation.detected?.confidence ? translation.detected.language : null);
  announcer.textContent = translation.text;
  showAround(translation);
  offerExplanation({ source: translation.source, target, glossary: glossary() }, translation.segments);
}

/** All but the texts themselves: what depends on the language of the page. */
function showAround(translation) {
  const { detected, via } = translation;
  byId("detected").textContent = detected?.confidence ? say("detected", { language: languageName(detected.language) }) : "";
  const name = model ? `${model.name} ${model.version}` : "";
  byId("made-by").textContent = via ? say("via", { model: name, language: languageName(via) }) : name;
  byId("copy").hidden = !translation.text;
  byId("formats").hidden = true;
  byId("hint").hidden = !translation.alignment?.length;
  showWarnings(warnings, translation.warnings);
  alternatives.hidden = !translation.alternatives.length;
  alternatives.querySelector("ol").replaceChildren(...translation.alternatives.map(alternative));
}

function alternative({ text, alignment }) {
  const item = document.createElement("li");
  const words = document.createElement("span");
  words.textContent = text;
  words.lang = output.lang;
  const use = document.createElement("button");
  use.type = "button";
  use.textContent = say("use");
  use.ariaLabel = `${say("use")}: ${text}`;
  use.addEventListener("click", () => {
    const others = [{ text: answer.text, alignment: answer.alignment }, ...answer.alternatives.filter((each) => each.text !== text)];
    const chosen = { ...answer, text, alternatives: others, alignment };
    answer = chosen;
    showAlignment(textarea.value, text, alignment);
    showAround(chosen);
    announcer.textContent = text;
    byId("copy").focus();
  });
  item.append(words, use);
  return item;
}

function showNothing() {
  answer = null;
  clearProblem();
  forgetAlignment();
  setDetected(null);
  withdrawExplanation();
  output.classList.remove("waiting");
  output.classList.add("empty");
  output.textContent = say("translationPlace");
  for (const id of ["copy", "hint", "warnings", "alternatives"]) byId(id).hidden = true;
  byId("formats").hidden = false;
  for (const id of ["detected", "made-by"]) byId(id).textContent = "";
}

function showCount() {
  const count = [...textarea.value].length;
  const element = byId("count");
  const parts = { count: number(count), limit: number(limit) };
  element.textContent = count ? say("count", parts) : "";
  element.title = say("countLabel", parts);
  element.classList.toggle("over", count > limit);
  byId("clear").hidden = !count;
}
