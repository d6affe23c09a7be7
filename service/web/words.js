// Words of a text, and which words of a translation come from which words of its source.

const WORD = /[\p{L}\p{M}\p{N}_]+(?:[-'’][\p{L}\p{M}\p{N}_]+)*|[^\s\p{L}\p{M}\p{N}_]+/gu;

/** Words, and stretches of punctuation, as [start, end) in UTF-16 units. */
export function wordsOf(text) {
  return [...text.matchAll(WORD)].map((match) => [match.index, match.index + match[0].length]);
}

/** The service counts in code points, the browser in UTF-16 units: the unit that each code point starts at. */
function unitsOf(text) {
  const units = [];
  let unit = 0;
  for (const character of text) {
    units.push(unit);
    unit += character.length;
  }
  units.push(unit);
  return units;
}

/**
 * The relation between the words of both texts: two lists, for each source word the indices of its target words, and
 * the other way round. `links` is the service's alignment, null if there is none.
 */
export function relate(source, target, links) {
  const sides = [source, target].map((text) => ({ words: wordsOf(text), units: unitsOf(text), others: null }));
  for (const side of sides) side.others = side.words.map(() => new Set());
  const [from, to] = sides;
  for (const link of links ?? []) {
    for (const s of overlapping(from, link.source)) {
      for (const t of overlapping(to, link.target)) {
        from.others[s].add(t);
        to.others[t].add(s);
      }
    }
  }
  return { source: { words: from.words, others: from.others }, target: { words: to.words, others: to.others } };
}

function overlapping({ words, units }, [start, end]) {
  const [first, last] = [units[start], units[end]];
  let low = 0;
  let high = words.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (words[middle][1] <= first) low = middle + 1;
    else high = middle;
  }
  const found = [];
  for (; low < words.length && words[low][0] < last; low += 1) found.push(low);
  return found;
}

/** Fill `element` with the text, each word in a span of its own; returns the spans. */
export function layWords(element, text, words, className) {
  const spans = [];
  const parts = [];
  let done = 0;
  for (const [start, end] of words) {
    const span = document.createElement("span");
    span.className = className;
    span.textContent = text.slice(start, end);
    parts.push(text.slice(done, start), span);
    spans.push(span);
    done = end;
  }
  // A line break at the very end would otherwise take no room.
  element.replaceChildren(...parts, text.slice(done).replace(/\n$/, "\n\u200b"));
  return spans;
}
