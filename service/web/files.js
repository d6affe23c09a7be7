// A file that is dropped on the source or opened by the button: a document, or a text that becomes the text.

import { isDocument, takeDocument } from "/web/documents.js";
import { number, say } from "/web/preferences.js";
import { showMessage } from "/web/notices.js";

export function startFiles(pane, button, input, limit, onText) {
  async function take(file) {
    if (!file) return;
    if (isDocument(file)) return takeDocument(file);
    let text;
    try {
      text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    } catch {
      showMessage(say("fileNotText", { name: file.name }));
      return;
    }
    const count = [...text].length;
    if (count > limit()) showMessage(say("fileTooLarge", { name: file.name, count: number(count), limit: number(limit()) }));
    else onText(text);
  }

  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    take(input.files[0]);
    input.value = "";
  });
  pane.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    pane.classList.add("dropping");
  });
  pane.addEventListener("dragleave", () => pane.classList.remove("dropping"));
  pane.addEventListener("drop", (event) => {
    pane.classList.remove("dropping");
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  });
}
