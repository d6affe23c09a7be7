// The API key, where the server has keys: kept for this tab alone, sent in a header, never part of an address.

import { onLanguage, say } from "/web/preferences.js";

const NAME = "verso.key";
const SENDABLE = /^[\x21-\x7e]+$/; // what a header can carry

const byId = (id) => document.getElementById(id);
const [button, form, reason, input, forget] = ["key", "key-form", "key-reason", "key-input", "key-forget"].map(byId);

let kept = fromStorage();
let why = "keyWhy"; // the string that the form shows
const listeners = [];

export const headers = () => (kept ? { Authorization: `Bearer ${kept}` } : {});
export const hasKey = () => kept !== "";

/** Called whenever there is another key, or none any more. */
export function onKey(listener) {
  listeners.push(listener);
}

/** The server refused for want of a key, or because of the one that it got. */
export function askForKey() {
  // What the form has just said of a key that was typed is not taken back by the answer to an earlier request.
  if (kept || form.hidden) why = kept ? "keyWrong" : "keyMissing";
  show();
  if (document.activeElement === button) input.focus(); // where giving the key has left it
}

/** keys: the server has some; required: it answers nobody without. */
export function offerKey(keys, required) {
  button.hidden = !keys;
  if (required && !kept) askForKey();
}

export function startKey() {
  button.addEventListener("click", () => {
    if (!form.hidden) return hide();
    why = "keyWhy";
    show();
    input.focus();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = input.value.trim();
    if (!SENDABLE.test(given)) {
      why = "keyImpossible";
      return show();
    }
    keep(given);
  });
  form.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  forget.addEventListener("click", () => keep(""));
  onLanguage(() => !form.hidden && show());
}

function keep(key) {
  kept = key;
  try {
    if (key) sessionStorage.setItem(NAME, key);
    else sessionStorage.removeItem(NAME);
  } catch {
    // storage may be forbidden; the key holds until the page is left
  }
  hide();
  for (const listener of listeners) listener();
}

function show() {
  if (reason.textContent !== say(why)) reason.textContent = say(why);
  forget.hidden = !kept;
  form.hidden = false;
  button.ariaExpanded = "true";
}

function hide() {
  const inside = form.contains(document.activeElement);
  input.value = "";
  form.hidden = true;
  button.ariaExpanded = "false";
  if (inside) button.focus();
}

function fromStorage() {
  try {
    return sessionStorage.getItem(NAME) ?? "";
  } catch {
    return "";
  }
}
