// The beam of a segment as a tree: a column for each step, the best hypothesis on top, an edge for each extension.

import { number, say } from "/web/preferences.js";
import { shownPiece, spell } from "/web/pieces.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, GAP_X, GAP_Y, TOP] = [84, 30, 26, 10, 26];

export function drawBeam(place, explanation, readout) {
  if (!explanation) {
    readout.textContent = "";
    place.replaceChildren(say("noAttention"));
    return;
  }
  readout.textContent = say("beamHint");
  const columns = growTree(explanation);
  const nodes = columns.flat();
  markBest(columns, explanation);
  const svg = make("svg", { class: "beam", role: "group", "aria-label": say("beamLabel") });
  const deepest = Math.max(...columns.map((column) => column.length));
  svg.setAttribute("width", columns.length * (WIDTH + GAP_X));
  svg.setAttribute("height", TOP + deepest * (HEIGHT + GAP_Y));
  svg.append(stepNumbers(columns.length));
  for (const node of nodes) if (node.parent) svg.append((node.edge = edge(node)));
  for (const node of nodes) svg.append((node.element = box(node)));

  function show(node) {
    for (const element of svg.querySelectorAll(".path")) element.classList.remove("path");
    for (let each = node; each; each = each.parent) {
      each.element.classList.add("path");
      each.edge?.classList.add("path");
    }
    readout.textContent = label(node);
  }

  function focus(node) {
    for (const element of svg.querySelectorAll("[tabindex='0']")) element.setAttribute("tabindex", -1);
    node.element.setAttribute("tabindex", 0);
    node.element.focus();
  }

  const at = (target) => nodes.find((node) => node.element === target.closest(".node"));
  svg.addEventListener("pointerover", (event) => at(event.target) && show(at(event.target)));
  svg.addEventListener("focusin", (event) => at(event.target) && show(at(event.target)));
  svg.addEventListener("click", (event) => at(event.target) && focus(at(event.target)));
  svg.addEventListener("keydown", (event) => {
    const node = at(event.target);
    const column = node && columns[node.step];
    const next = {
      ArrowUp: column?.[node?.place - 1],
      ArrowDown: column?.[node?.place + 1],
      ArrowLeft: node?.parent,
      ArrowRight: node?.children.find((child) => child.best) ?? node?.children[0],
    };
    if (!node || !(event.key in next)) return;
    event.preventDefault();
    if (next[event.key]) focus(next[event.key]);
  });
  nodes[0]?.element.setAttribute("tabindex", 0);
  const scroll = document.createElement("div");
  scroll.className = "scroll";
  scroll.append(svg);
  place.replaceChildren(scroll, legend(), finishedTable(nodes));
}

/** Columns of nodes: {piece, pieces, step, place, ended, parent, children, log_prob, score, best}. */
function growTree(explanation) {
  let before = [];
  return explanation.beam.map((step, index) => {
    const grow = (branch, place, ended) => {
      const parent = before[branch.parent] ?? null;
      const pieces = [...(parent?.pieces ?? []), ...(ended ? [] : [branch.piece])];
      const node = { ...branch, parent, pieces, step: index, place, ended, children: [], best: false };
      parent?.children.push(node);
      return node;
    };
    const live = step.live.map((branch, place) => grow(branch, place, false));
    const ends = step.finished.map((branch, place) => grow(branch, live.length + place, true));
    before = live;
    return [...live, ...ends];
  });
}

/** The translation: the best of those that ended, or if none did, the best that was live at the end. */
function markBest(columns) {
  const ended = columns.flat().filter((node) => node.ended);
  const candidates = ended.length ? ended : columns.at(-1);
  let node = candidates.reduce((best, each) => (each.score > best.score ? each : best));
  for (; node; node = node.parent) node.best = true;
}

function corner(node) {
  return [node.step * (WIDTH + GAP_X) + 2, TOP + node.place * (HEIGHT + GAP_Y)];
}

function edge(node) {
  const [fromX, fromY] = corner(node.parent);
  const [x, y] = corner(node);
  const [startX, startY, endY] = [fromX + WIDTH, fromY + HEIGHT / 2, y + HEIGHT / 2];
  const d = `M${startX} ${startY}C${startX + GAP_X / 2} ${startY} ${x - GAP_X / 2} ${endY} ${x} ${endY}`;
  return make("path", { d, class: node.best ? "edge best" : "edge" });
}

function box(node) {
  const [x, y] = corner(node);
  const classes = ["node", node.best && "best", node.ended && "end"].filter(Boolean).join(" ");
  const group = make("g", { class: classes, tabindex: -1, role: "img", "aria-label": label(node) });
  const text = make("text", { x: x + WIDTH / 2, y: y + HEIGHT / 2 });
  const piece = node.ended ? say("end") : shownPiece(node.piece);
  text.textContent = piece.length > 11 ? `${piece.slice(0, 10)}…` : piece;
  group.append(make("rect", { x, y, width: WIDTH, height: HEIGHT, rx: 8 }), text);
  return group;
}

function label(node) {
  const where = node.ended ? say("ended", { step: node.step + 1 }) : say("step", { step: node.step + 1, place: node.place + 1 });
  const text = spell(node.pieces) || say("nothing");
  return say("hypothesis", { where, text, log_prob: number(node.log_prob, 2), score: number(node.score, 2) });
}

function stepNumbers(count) {
  const group = make("g", { class: "steps", "aria-hidden": "true" });
  for (let step = 0; step < count; step += 1) {
    const text = make("text", { x: step * (WIDTH + GAP_X) + 2 + WIDTH / 2, y: 12 });
    text.textContent = step + 1;
    group.append(text);
  }
  return group;
}

function legend() {
  const list = document.createElement("p");
  list.className = "legend";
  for (const name of ["legendBest", "legendEnd"]) {
    const part = document.createElement("span");
    part.textContent = say(name);
    list.append(part);
  }
  return list;
}

function finishedTable(nodes) {
  const ended = nodes.filter((node) => node.ended).sort((a, b) => b.score - a.score);
  if (!ended.length) return "";
  const table = document.createElement("table");
  table.className = "hypotheses";
  table.createCaption().textContent = say("finishedCaption");
  const head = table.createTHead().insertRow();
  for (const [name, kind] of [["finishedText", ""], ["score", "number"], ["logProb", "number"]]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.className = kind;
    cell.textContent = say(name);
    head.append(cell);
  }
  const body = table.createTBody();
  for (const node of ended) {
    const row = body.insertRow();
    for (const [value, kind] of [[spell(node.pieces), ""], [number(node.score, 2), "number"], [number(node.log_prob, 2), "number"]]) {
      const cell = row.insertCell();
      cell.className = kind;
      cell.textContent = value;
    }
  }
  return table;
}

function make(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
