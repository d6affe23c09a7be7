// The clipboard, also where the browser only gives it to secure pages.

import { say } from "/web/preferences.js";

export async function copy(text, element, announcer) {
  try {
    await navigator.clipboard.writeText(text);
    announcer.textContent = say("copied");
    return true;
  } catch {
    getSelection().selectAllChildren(element);
    const done = document.execCommand("copy");
    announcer.textContent = say(done ? "copied" : "notCopied");
    return done;
  }
}

export function startCopying(button, element, textOf, announcer) {
  button.addEventListener("click", async () => {
    if (!(await copy(textOf(), element, announcer))) return;
    button.classList.add("done");
    button.title = say("copied");
    setTimeout(() => {
      button.classList.remove("done");
      button.title = say("copy");
    }, 1500);
  });
}
