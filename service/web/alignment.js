// The alignment one can point at: a word of either text lights up with the words it belongs to.

import { say } from "/web/preferences.js";
import { layWords, relate } from "/web/words.js";

const textarea = document.getElementById("source-text");
const mirror = document.getElementById("source-mirror");
const output = document.getElementById("target-text");
const announcer = document.getElementById("announcer");

let texts = { source: "", target: "" };
let sides = null; // {source, target}: words, others, spans
let current = -1; // the target word that the keyboard is at

export function showAlignment(source, target, links) {
  texts = { source, target };
  sides = relate(source, target, links);
  sides.source.spans = layWords(mirror, source, sides.source.words, "");
  sides.target.spans = layWords(output, target, sides.target.words, "word");
  current = -1;
}

/** The source has changed: what is lit no longer holds. */
export function forgetAlignment() {
  sides = null;
  mirror.replaceChildren();
}

export function startAlignment() {
  // A finger that taps a word does not move, and leaves at once; then what it has lit stays until the focus goes.
  for (const kind of ["pointermove", "click"]) {
    output.addEventListener(kind, (event) => light("target", sides?.target.spans.indexOf(event.target) ?? -1));
  }
  output.addEventListener("pointerleave", (event) => event.pointerType === "touch" || dim());
  textarea.addEventListener("pointermove", (event) => light("source", sourceWordAt(event.clientX, event.clientY)));
  textarea.addEventListener("pointerleave", () => lightAtCaret());
  document.addEventListener("selectionchange", () => {
    if (document.activeElement === textarea) lightAtCaret();
  });
  textarea.addEventListener("blur", dim);
  output.addEventListener("blur", dim);
  output.addEventListener("focus", () => (current = -1));
  output.addEventListener("keydown", onKey);
}

function onKey(event) {
  if (!sides?.target.words.length || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  const last = sides.target.words.length - 1;
  const next = { ArrowRight: current + 1, ArrowDown: current + 1, ArrowLeft: current - 1, ArrowUp: current - 1, Home: 0, End: last }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  current = Math.min(Math.max(next, 0), last);
  light("target", current);
  const target = word("target", current);
  const from = [...sides.target.others[current]].sort((a, b) => a - b).map((index) => word("source", index));
  announcer.textContent = from.length ? say("from", { target, source: from.join(" ") }) : say("fromNothing", { target });
}

function word(side, index) {
  const [start, end] = sides[side].words[index];
  return texts[side].slice(start, end);
}

function light(side, index) {
  dim();
  if (!sides || index < 0) return;
  const other = side === "source" ? "target" : "source";
  sides[side].spans[index]?.classList.add("lit", "here");
  for (const counterpart of sides[side].others[index]) sides[other].spans[counterpart].classList.add("lit");
  if (side === "target") reveal(sides.source.spans[Math.min(...sides.target.others[index])]);
}

/** Where the source scrolls by itself, what lights up in it comes into view; the page stays where it is. */
function reveal(span) {
  if (!span) return;
  const paper = span.closest(".paper");
  const above = span.offsetTop < paper.scrollTop;
  const below = span.offsetTop + span.offsetHeight > paper.scrollTop + paper.clientHeight;
  if (above || below) paper.scrollTop = span.offsetTop - paper.clientHeight / 3;
}

function dim() {
  for (const span of document.querySelectorAll(".lit")) span.classList.remove("lit", "here");
}

function lightAtCaret() {
  const caret = textarea.selectionStart;
  light("source", sides?.source.words.findIndex(([start, end]) => start <= caret && caret <= end) ?? -1);
}

/** The mirror lies under the text area, word on word, so its boxes say what the pointer is at. */
function sourceWordAt(x, y) {
  if (!sides) return -1;
  return sides.source.spans.findIndex((span) =>
    [...span.getClientRects()].some((box) => box.left <= x && x <= box.right && box.top <= y && y <= box.bottom),
  );
}
