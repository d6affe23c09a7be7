// The attention of a segment as a heat map: a grid that pointer and arrow keys can read cell by cell.

import { percent, say } from "/web/preferences.js";
import { shown } from "/web/pieces.js";

export function drawHeatmap(place, explanation, readout) {
  const weights = explanation?.attention;
  readout.textContent = weights ? say("attentionHint") : "";
  if (!weights) {
    place.replaceChildren(say("noAttention"));
    return;
  }
  const { source, target } = explanation;
  const table = document.createElement("table");
  table.className = "heatmap";
  table.setAttribute("role", "grid");
  table.ariaLabel = say("attentionLabel");
  const head = table.createTHead().insertRow();
  head.append(document.createElement("td"));
  const columns = source.map((token) => header(token, "col"));
  head.append(...columns);
  const body = table.createTBody();
  const rows = target.map((token) => header(token, "row"));
  const cells = weights.map((row, r) => {
    const line = body.insertRow();
    line.append(rows[r]);
    return row.map((weight) => {
      const cell = line.insertCell();
      cell.setAttribute("role", "gridcell");
      cell.style.setProperty("--weight", weight.toFixed(4));
      cell.ariaLabel = percent(weight);
      cell.tabIndex = -1;
      return cell;
    });
  });

  function show(r, c) {
    for (const here of table.querySelectorAll(".here")) here.classList.remove("here");
    for (const part of [rows[r], columns[c], cells[r][c]]) part.classList.add("here");
    readout.textContent = say("weight", { target: shown(target[r]), source: shown(source[c]), weight: percent(weights[r][c]) });
  }

  function at(cell) {
    const r = cells.findIndex((row) => row.includes(cell));
    return r < 0 ? null : [r, cells[r].indexOf(cell)];
  }

  function focus(r, c) {
    for (const cell of table.querySelectorAll("[tabindex='0']")) cell.tabIndex = -1;
    cells[r][c].tabIndex = 0;
    cells[r][c].focus();
  }

  table.addEventListener("pointerover", (event) => at(event.target) && show(...at(event.target)));
  table.addEventListener("focusin", (event) => at(event.target) && show(...at(event.target)));
  table.addEventListener("keydown", (event) => {
    const [dr, dc] = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key] ?? [];
    const here = at(event.target);
    if (dr === undefined || !here) return;
    event.preventDefault();
    const inside = (value, count) => Math.min(Math.max(value, 0), count - 1);
    focus(inside(here[0] + dr, cells.length), inside(here[1] + dc, source.length));
  });
  if (cells.length) cells[0][0].tabIndex = 0;
  const scroll = document.createElement("div");
  scroll.className = "scroll";
  scroll.append(table);
  place.replaceChildren(scroll);
}

function header(token, scope) {
  const cell = document.createElement("th");
  cell.scope = scope;
  cell.textContent = shown(token);
  if (!token.span) {
    cell.className = "control";
    cell.title = say("control");
  }
  return cell;
}
