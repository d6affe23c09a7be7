// "How this was translated": asks for the explanation of one sentence when somebody wants to see it.

import { drawBeam } from "/web/beam.js";
import { drawHeatmap } from "/web/heatmap.js";
import { onLanguage } from "/web/preferences.js";
import { showProblem } from "/web/notices.js";
import { translate } from "/web/service.js";
import { startTabs } from "/web/tabs.js";

const details = document.getElementById("explanation");
const picker = document.getElementById("sentence-picker");
const sentence = document.getElementById("sentence");
const readout = document.getElementById("readout");
const DRAW = { attention: drawHeatmap, beam: drawBeam };

let view = "attention";
let shown = null; // {way, segments} of the translation that is on the page
let explained = null; // the explanation that is drawn, undefined before the first
let asked = new AbortController();

/** way: source, target, glossary. */
export function offerExplanation(way, segments) {
  shown = { way, segments };
  details.hidden = !segments.length;
  const texts = segments.map((segment) => segment.source);
  sentence.replaceChildren(...texts.map((text, index) => new Option(text.length > 60 ? `${text.slice(0, 59)}…` : text, index)));
  picker.hidden = texts.length < 2;
  if (details.open && segments.length) explain();
}

export function withdrawExplanation() {
  asked.abort();
  shown = null;
  details.hidden = true;
}

export function startExplanation() {
  details.addEventListener("toggle", () => details.open && shown && explain());
  sentence.addEventListener("change", explain);
  startTabs(details.querySelector("[role=tablist]"), (panel) => {
    view = panel;
    draw();
  });
  onLanguage(() => shown && details.open && draw());
}

async function explain() {
  asked.abort();
  asked = new AbortController();
  const { signal } = asked;
  const text = shown.segments[sentence.value || 0].source;
  try {
    const answer = await translate({ ...shown.way, text, options: { n_best: 3, explain: true } }, signal);
    explained = answer.translations[0].segments[0]?.explanation ?? null;
    draw();
  } catch (error) {
    if (error.name !== "AbortError") showProblem(error);
  }
}

function draw() {
  if (explained !== undefined) DRAW[view](document.getElementById(view), explained, readout);
}
