// A document, dropped on the source or opened by the button: uploaded, followed, and there to be downloaded.

import { hasKey } from "/web/key.js";
import { clearProblem, showProblem } from "/web/notices.js";
import { pair } from "/web/pickers.js";
import { number, onLanguage, say } from "/web/preferences.js";
import { document as askDocument, downloadDocument, forgetDocument, uploadDocument } from "/web/service.js";

const ASK_AGAIN_MS = 700;
const KEEP_FILE_MS = 60_000; // until the browser has surely written it
const TEXT = ".txt"; // becomes the text instead

const byId = (id) => window.document.getElementById(id);
const [section, name, progress, state, download, close] = ["document", "document-name", "document-progress", "document-state", "document-download", "document-close"].map(byId);

let suffixes = [];
let shown = null; // the document on the page, as the service tells of it
let current = 0; // counts documents, so that what is told of one before is not shown

export function setFormats(formats) {
  suffixes = formats.filter((suffix) => suffix !== TEXT);
  byId("file").accept = ["text/*", ...formats].join(",");
}

export function isDocument(file) {
  return suffixes.some((suffix) => file.name.toLowerCase().endsWith(suffix));
}

export async function takeDocument(file) {
  await forget();
  const mine = ++current;
  try {
    const { source, target } = pair();
    let told = await uploadDocument(file, source, target);
    clearProblem();
    while (mine === current) {
      show(told);
      if (told.state === "done" || told.state === "failed") return;
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
      if (mine === current) told = await askDocument(told.id);
    }
  } catch (error) {
    if (mine === current) showProblem(error);
  }
}

export function startDocuments() {
  close.addEventListener("click", forget);
  download.addEventListener("click", downloadWithKey);
  onLanguage(() => shown && show(shown));
}

/** A link sends no key, so that with one the page fetches the file itself. */
async function downloadWithKey(event) {
  if (!hasKey()) return;
  event.preventDefault();
  try {
    const told = shown;
    const href = URL.createObjectURL(await downloadDocument(told.id));
    const link = Object.assign(window.document.createElement("a"), { href, download: translatedName(told) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(href), KEEP_FILE_MS);
  } catch (error) {
    showProblem(error);
  }
}

/** As the server calls it. */
function translatedName({ name, target }) {
  const dot = name.lastIndexOf(".");
  return `${name.slice(0, dot)}_${target}${name.slice(dot)}`;
}

async function forget() {
  const old = shown;
  current++;
  shown = null;
  section.hidden = true;
  try {
    if (old) await forgetDocument(old.id);
  } catch {
    // it expires by itself
  }
}

function show(told) {
  shown = told;
  section.hidden = false;
  name.textContent = told.name;
  progress.max = Math.max(told.segments, 1);
  progress.value = told.state === "done" ? progress.max : told.segments_done;
  progress.hidden = told.state === "done" || told.state === "failed";
  state.textContent = {
    queued: () => say("documentQueued"),
    running: () => say("documentRunning", { done: number(told.segments_done), total: number(told.segments) }),
    done: () => say("documentDone"),
    failed: () => say("documentFailed", { message: told.error.message }),
  }[told.state]();
  download.hidden = told.state !== "done";
  download.href = `/v1/documents/${told.id}/download`;
  close.textContent = say(told.state === "done" || told.state === "failed" ? "documentForget" : "documentStop");
}
