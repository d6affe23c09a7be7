// What the reader chose: language of the page and colours. Both are kept in the browser and nowhere else.

import { STRINGS } from "/web/strings.js";

const THEMES = ["auto", "light", "dark"];
const SHAPES = {
  auto: "M12 3a9 9 0 100 18zM12 3a9 9 0 010 18",
  light: "M12 8a4 4 0 100 8 4 4 0 000-8M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6L19 19M5 19l1.4-1.4M17.6 6.4L19 5",
  dark: "M20 14.5A8.5 8.5 0 119.5 4a7 7 0 0010.5 10.5z",
};

let language = remembered("language") ?? (navigator.languages.find((code) => code.slice(0, 2) in STRINGS) ?? "en").slice(0, 2);
const listeners = [];

export function remembered(name) {
  try {
    return localStorage.getItem(`verso.${name}`);
  } catch {
    return null; // storage may be forbidden; the page works without
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(`verso.${name}`, value);
  } catch {
    // as above
  }
}

/** The string of that name with its {parts} filled in. */
export function say(name, parts = {}) {
  return STRINGS[language][name].replace(/\{(\w+)\}/g, (_whole, part) => parts[part]).replace(/<(.*?)>/gs, "«$1»");
}

export function known(name) {
  return name in STRINGS[language];
}

export function languageName(code) {
  try {
    const name = new Intl.DisplayNames([language], { type: "language" }).of(code);
    return name[0].toLocaleUpperCase(language) + name.slice(1);
  } catch {
    return code;
  }
}

export function number(value, digits = 0) {
  return value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function percent(value) {
  return value.toLocaleString(language, { style: "percent", maximumFractionDigits: value < 0.1 ? 1 : 0 });
}

/** Called whenever the language of the page changes. */
export function onLanguage(listener) {
  listeners.push(listener);
}

export function startPreferences() {
  const theme = document.getElementById("theme");
  const other = document.getElementById("interface-language");
  let chosen = THEMES.includes(remembered("theme")) ? remembered("theme") : "auto";

  function showTheme() {
    if (chosen === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
    theme.replaceChildren(icon(SHAPES[chosen]));
    theme.ariaLabel = theme.title = say(`theme${chosen[0].toUpperCase()}${chosen.slice(1)}`);
  }

  function showLanguage() {
    document.documentElement.lang = language;
    for (const element of document.querySelectorAll("[data-text]")) element.textContent = say(element.dataset.text);
    for (const element of document.querySelectorAll("[data-placeholder]")) element.placeholder = say(element.dataset.placeholder);
    for (const element of document.querySelectorAll("[data-label]")) {
      element.ariaLabel = say(element.dataset.label);
      if (element.tagName === "BUTTON") element.title = element.ariaLabel;
    }
    other.textContent = say("otherLanguageName");
    other.lang = language === "en" ? "ru" : "en";
    showTheme();
    for (const listener of listeners) listener();
  }

  theme.addEventListener("click", () => {
    chosen = THEMES[(THEMES.indexOf(chosen) + 1) % THEMES.length];
    remember("theme", chosen);
    showTheme();
  });
  other.addEventListener("click", () => {
    language = language === "en" ? "ru" : "en";
    remember("language", language);
    showLanguage();
  });
  showLanguage();
}

function icon(shape) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(svg.namespaceURI, "path");
  path.setAttribute("d", shape);
  svg.append(path);
  return svg;
}
