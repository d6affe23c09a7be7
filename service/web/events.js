// Server-sent events in the body of an answer: EventSource can neither POST nor send a key.

export async function* eventsOf(body) {
  let rest = "";
  for await (const part of chunksOf(body.pipeThrough(new TextDecoderStream()))) {
    const whole = (rest + part).split("\n\n");
    rest = whole.pop();
    for (const each of whole) yield parsed(each);
  }
}

/** Not every browser can iterate over a stream. */
async function* chunksOf(stream) {
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}

function parsed(lines) {
  const fields = Object.fromEntries(lines.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
  return { event: fields.event, data: JSON.parse(fields.data) };
}
