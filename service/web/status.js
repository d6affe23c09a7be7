// Keeps the status up to date: its tables are replaced, while the page stays where it is for whoever reads it.

const EVERY_MS = 10_000;

async function refresh() {
  if (document.hidden) return;
  try {
    const response = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!response.ok) return;
    const next = new DOMParser().parseFromString(await response.text(), "text/html");
    document.querySelector("main").replaceWith(next.querySelector("main"));
    document.title = next.title;
  } catch {
    // What cannot be reached now is asked again.
  }
}

setInterval(refresh, EVERY_MS);
