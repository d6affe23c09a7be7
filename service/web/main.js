// Starts the page: preferences first, then what the service can do.

import { setFormats, startDocuments } from "/web/documents.js";
import { fetchGlossaries } from "/web/glossaries.js";
import { hasKey, offerKey, onKey, startKey } from "/web/key.js";
import { clearProblem, showMessage, showProblem } from "/web/notices.js";
import { fillPickers } from "/web/pickers.js";
import { say, startPreferences } from "/web/preferences.js";
import { languages, models, settings } from "/web/service.js";
import { startSummary } from "/web/summary.js";
import { startTabs } from "/web/tabs.js";
import { setLimit, startTranslation, translateSoon } from "/web/translation.js";

const TRY_AGAIN_MS = 1500;

async function begin() {
  try {
    const [served, limits, loaded] = await Promise.all([languages(), settings(), models()]);
    clearProblem();
    setLimit(limits.charLimit);
    setFormats(limits.supportedFilesFormat);
    offerKey(limits.apiKeys, limits.keyRequired);
    if (!fillPickers(served)) showMessage(say("noPairs"));
    offerSummaries(loaded.filter((model) => model.task === "summarize"));
    if (hasKey() || !limits.keyRequired) await fetchGlossaries();
    translateSoon(0);
  } catch (error) {
    showProblem(error);
    setTimeout(begin, TRY_AGAIN_MS);
  }
}

function offerSummaries(summarizers) {
  if (!summarizers.length) return;
  document.getElementById("tasks").hidden = false;
  const panel = document.getElementById("translate");
  panel.setAttribute("role", "tabpanel");
  panel.setAttribute("aria-labelledby", "tab-translate");
  startSummary([...new Set(summarizers.flatMap((model) => model.pairs.map((pair) => pair.source)))]);
}

startPreferences();
startKey();
onKey(async () => {
  clearProblem();
  await fetchGlossaries();
  translateSoon(0);
});
startTranslation();
startDocuments();
startTabs(document.getElementById("tasks"), () => clearProblem());
begin();
