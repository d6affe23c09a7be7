// What the page asks of the service. Every refusal becomes a Refusal with the service's own words.

export class Refusal extends Error {
  constructor(status, message, retryAfter) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter; // seconds, or null
  }
}

async function ask(path, options = {}) {
  const response = await fetch(path, options);
  const body = await response.json();
  if (response.ok) return body;
  const message = typeof body.error === "string" ? body.error : body.error.message;
  throw new Refusal(response.status, message, Number(response.headers.get("Retry-After")) || null);
}

function post(path, body, signal) {
  return ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal });
}

export const languages = () => ask("/languages");
export const settings = () => ask("/frontend/settings");
export const models = async () => (await ask("/v1/models")).models;

export const document = (id) => ask(`/v1/documents/${id}`);

export async function uploadDocument(file, source, target) {
  const body = new FormData();
  body.append("file", file);
  body.append("source", source);
  body.append("target", target);
  return ask("/v1/documents", { method: "POST", body });
}

export const forgetDocument = (id) => fetch(`/v1/documents/${id}`, { method: "DELETE" });

export async function translate(text, source, target, options, signal) {
  return post("/v1/translate", { text, source, target, options }, signal);
}

export async function summarize(text, language, signal) {
  return post("/v1/summarize", { text, language }, signal);
}
