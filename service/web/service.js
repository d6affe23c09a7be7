// What the page asks of the service. Every refusal becomes a Refusal with the service's own words.

import { eventsOf } from "/web/events.js";
import { headers } from "/web/key.js";

export class Refusal extends Error {
  constructor(status, message, retryAfter) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter; // seconds, or null
  }
}

async function send(path, options = {}) {
  const response = await fetch(path, { ...options, headers: { ...options.headers, ...headers() } });
  if (!response.ok) throw refusal(await response.json(), response);
  return response;
}

function refusal({ error }, response) {
  const message = typeof error === "string" ? error : error.message;
  return new Refusal(response.status, message, Number(response.headers.get("Retry-After")) || null);
}

const ask = async (path, options) => (await send(path, options)).json();

function posted(body, signal) {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal };
}

export const languages = () => ask("/languages");
export const settings = () => ask("/frontend/settings");
export const models = async () => (await ask("/v1/models")).models;
export const glossaries = async () => (await ask("/v1/glossaries")).glossaries;

export const document = (id) => ask(`/v1/documents/${id}`);
export const downloadDocument = async (id) => (await send(`/v1/documents/${id}/download`)).blob();
export const forgetDocument = (id) => send(`/v1/documents/${id}`, { method: "DELETE" });

export async function uploadDocument(file, source, target) {
  const body = new FormData();
  body.append("file", file);
  body.append("source", source);
  body.append("target", target);
  return ask("/v1/documents", { method: "POST", body });
}

/** asked: text, source, target, options, glossary. */
export const translate = (asked, signal) => ask("/v1/translate", posted(asked, signal));

/** As translate; `onPartial` hears meanwhile what the translation is sure to begin with. */
export async function translateAloud(asked, signal, onPartial) {
  const response = await send("/v1/translate", posted({ ...asked, stream: true }, signal));
  for await (const { event, data } of eventsOf(response.body)) {
    if (event === "partial") onPartial(data.text);
    else if (event === "error") throw refusal(data, response);
    else return data;
  }
  throw new TypeError("the answer broke off");
}

export async function summarize(text, language, signal) {
  return ask("/v1/summarize", posted({ text, language }, signal));
}
