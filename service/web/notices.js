// What went wrong, and what the service warns of, in the reader's language.

import { askForKey } from "/web/key.js";
import { known, say } from "/web/preferences.js";
import { Refusal } from "/web/service.js";

const problem = document.getElementById("problem");

export function showProblem(error) {
  if (error instanceof Refusal && error.status === 401) {
    clearProblem();
    askForKey();
  } else if (error instanceof Refusal) showMessage(error.status === 503 ? say("loading") : say("refused", { message: error.message }));
  else showMessage(say("unreachable"));
}

export function showMessage(message) {
  problem.textContent = message;
  problem.hidden = false;
}

export function clearProblem() {
  problem.hidden = true;
}

export function showWarnings(list, warnings) {
  list.hidden = !warnings.length;
  list.replaceChildren(
    ...warnings.map((warning) => {
      const item = document.createElement("li");
      const name = `warning.${warning}`;
      item.textContent = known(name) ? say(name) : say("warning.other", { warning });
      return item;
    }),
  );
}
