// The two language pickers: only pairs that are served can be chosen.

import { offerGlossaries } from "/web/glossaries.js";
import { languageName, onLanguage, remember, remembered, say } from "/web/preferences.js";

const source = document.getElementById("source-language");
const target = document.getElementById("target-language");
const swap = document.getElementById("swap");
export const AUTO = "auto";

let targets = new Map(); // of each source language
let detected = null;

export const pair = () => ({ source: source.value, target: target.value });

/** The language that the service found the text in, null if it was named. */
export function setDetected(code) {
  detected = code;
  showSwap();
}

export function fillPickers(languages) {
  targets = new Map(languages.map(({ code, targets: all }) => [code, all.filter((each) => each !== code)]));
  const sources = [...targets.keys()].filter((code) => targets.get(code).length);
  const first = sources.includes("en") ? "en" : sources[0];
  fill(source, [...sources, AUTO], [remembered("source"), first]);
  const readers = navigator.languages.map((code) => code.slice(0, 2));
  fillTargets([remembered("target"), ...readers.filter((code) => code !== source.value)]);
  return sources.length > 0;
}

export function startPickers(onChange) {
  const changed = () => {
    remember("source", source.value);
    remember("target", target.value);
    showSwap();
    onChange();
  };
  source.addEventListener("change", () => {
    setDetected(null);
    fillTargets([target.value]);
    changed();
  });
  target.addEventListener("change", changed);
  swap.addEventListener("click", () => {
    const [from, to] = [source.value === AUTO ? detected : source.value, target.value];
    source.value = to;
    setDetected(null);
    fillTargets([from]);
    changed();
  });
  onLanguage(() => {
    for (const option of [...source.options, ...target.options]) option.textContent = nameOf(option.value);
  });
}

function fillTargets(wishes) {
  const all = source.value === AUTO ? [...new Set([...targets.values()].flat())].sort() : (targets.get(source.value) ?? []);
  fill(target, all, wishes);
  showSwap();
}

function fill(select, codes, wishes) {
  select.replaceChildren(...codes.map((code) => new Option(nameOf(code), code)));
  select.value = wishes.find((wish) => codes.includes(wish)) ?? codes[0];
}

export function nameOf(code) {
  return code === AUTO ? say("detect") : languageName(code);
}

/** Back is not always a pair, and an undetected language cannot be swapped. */
function showSwap() {
  const from = source.value === AUTO ? detected : source.value;
  swap.disabled = !from || !targets.get(target.value)?.includes(from);
  offerGlossaries(pair());
}
