// The picker of kept glossaries: there where the server has one for the pair.

import { onLanguage, remember, remembered, say } from "/web/preferences.js";
import { glossaries as askGlossaries } from "/web/service.js";

const label = document.getElementById("glossary-picker");
const select = document.getElementById("glossary");

let kept = [];
let shownPair = {};

/** The name of the chosen one, null for none. */
export const glossary = () => (label.hidden ? null : select.value || null);

export function startGlossaries(onChange) {
  select.addEventListener("change", () => {
    remember("glossary", select.value);
    onChange();
  });
  onLanguage(() => select.options.length && (select.options[0].textContent = say("noGlossary")));
}

/** Ask again which there are: another key has others. */
export async function fetchGlossaries() {
  try {
    kept = await askGlossaries();
  } catch {
    kept = []; // no picker; what is wrong will be told of the translation
  }
  offerGlossaries(shownPair);
}

export function offerGlossaries(pair) {
  shownPair = pair;
  const names = kept.filter((each) => each.source === pair.source && each.target === pair.target).map((each) => each.name);
  select.replaceChildren(new Option(say("noGlossary"), ""), ...names.map((name) => new Option(name, name)));
  select.value = names.includes(remembered("glossary")) ? remembered("glossary") : "";
  label.hidden = !names.length;
}
