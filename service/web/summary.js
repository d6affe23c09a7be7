// The summary of a text, where a summarizer is loaded.

import { startCopying } from "/web/copying.js";
import { clearProblem, showProblem, showWarnings } from "/web/notices.js";
import { AUTO, nameOf } from "/web/pickers.js";
import { languageName, number, onLanguage, say } from "/web/preferences.js";
import { summarize } from "/web/service.js";

const byId = (id) => document.getElementById(id);
const [text, language, button, output] = ["summary-source", "summary-language", "make-summary", "summary"].map(byId);

let asked = new AbortController();
let warnings = [];
let made = false;

export function startSummary(languages) {
  language.replaceChildren(...[...languages, AUTO].map((code) => new Option(nameOf(code), code)));
  button.addEventListener("click", make);
  text.addEventListener("keydown", (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && make());
  text.addEventListener("input", showCount);
  startCopying(byId("copy-summary"), output, () => output.textContent, byId("announcer"));
  onLanguage(() => {
    for (const option of language.options) option.textContent = nameOf(option.value);
    showWarnings(byId("summary-warnings"), warnings);
    showCount();
    if (!made) output.textContent = say("summary");
  });
  output.classList.add("empty");
  output.textContent = say("summary");
}

function showCount() {
  const count = [...text.value].length;
  byId("summary-count").textContent = count ? say("characters", { count: number(count) }) : "";
}

async function make() {
  if (!text.value.trim()) return text.focus();
  asked.abort();
  asked = new AbortController();
  output.classList.add("waiting");
  try {
    const body = await summarize(text.value, language.value, asked.signal);
    const [summary] = body.summaries;
    clearProblem();
    made = true;
    output.classList.remove("empty");
    output.textContent = summary.text;
    output.lang = summary.language;
    warnings = summary.warnings;
    showWarnings(byId("summary-warnings"), warnings);
    const found = summary.detected ? [say("detected", { language: languageName(summary.language) })] : [];
    byId("summary-meta").textContent = [...found, `${body.model.name} ${body.model.version}`].join(" · ");
    byId("copy-summary").hidden = false;
    byId("announcer").textContent = summary.text;
  } catch (error) {
    if (error.name === "AbortError") return;
    showProblem(error);
  }
  output.classList.remove("waiting");
}
