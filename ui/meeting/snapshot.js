// Draws the charts of a snapshot, and shows it one page at a time where it is presented (see snapshot.html). Needs paint.js and plotly.js.

const sections = [...document.querySelectorAll("section")];
const isServed = "served" in document.body.dataset;
const isDeck = () => document.body.classList.contains("deck");

function readTheme() {
  const css = getComputedStyle(document.documentElement);
  const colour = (name) => css.getPropertyValue(`--${name}`).trim();
  const names = ["text", "muted", "grid", "paper", "surface"];
  return { font: "system-ui, sans-serif", ...Object.fromEntries(names.map((name) => [`@${name}`, colour(name)])) };
}

function draw(place) {
  if (!place.clientWidth) return;
  const theme = readTheme();
  const figure = paint(JSON.parse(place.nextElementSibling.textContent), theme);
  for (const trace of figure.data) if (trace.uid) trace.uid = asWord(trace.uid);
  delete figure.layout.width;
  const large = isDeck();
  place.style.height = large ? "" : place.dataset.height;
  if (large) enlarge(figure, place);
  const layout = { ...figure.layout, template: template(theme) };
  Plotly.react(place, figure.data, layout, { responsive: true, displaylogo: false, locales: LOCALES, displayModeBar: large ? false : "hover", modeBarButtonsToRemove: ["sendChartToCloud"], toImageButtonOptions: { format: "svg" } });
}

// -- for a room: large type, and names at the ends of their lines, because nobody reads a legend there --------------------------------

const GROWTH = 1.25;
const NAME_PIXELS = 20;

function enlarge(figure, place) {
  grow(figure);
  figure.layout.height = place.clientHeight;
  figure.layout.font = { ...figure.layout.font, size: 16 };
  for (const trace of figure.data) if (trace.line && trace.line.width) trace.line.width *= 1.5;
  nameLines(figure, place.clientHeight);
  nameDashes(figure);
  namePoints(figure);
}

function grow(value) {
  if (Array.isArray(value)) return value.forEach(grow);
  if (value === null || typeof value !== "object") return;
  for (const key of Object.keys(value)) {
    if (/font$/.test(key) && value[key] && typeof value[key].size === "number") value[key].size *= GROWTH;
    else if (key !== "customdata" && typeof value[key] === "object") grow(value[key]);
  }
}

function note(figure, annotation) {
  (figure.layout.annotations ||= []).push({ showarrow: false, ...annotation });
}

function widen(figure, pixels) {
  figure.layout.margin = { ...figure.layout.margin, r: Math.max((figure.layout.margin || {}).r || 0, pixels) };
}

/** Pixels of a name of so many signs at 16 px. */
const widthOf = (text) => 24 + 9 * text.replace(/&\w+;/g, "x").length;

function pixelsPerUnit(figure, trace, height) {
  const axis = figure.layout["yaxis" + (trace.yaxis || "y").slice(1)] || {};
  const values = figure.data.filter((other) => (other.yaxis || "y") === (trace.yaxis || "y")).flatMap((other) => other.y || []).filter(Number.isFinite);
  const [low, high] = axis.range || [Math.min(...values), Math.max(...values)];
  const [from, to] = axis.domain || [0, 1];
  const margin = figure.layout.margin || {};
  return ((to - from) * (height - (margin.t || 0) - (margin.b || 0))) / Math.max(1e-9, Math.abs(high - low));
}

const isShown = (trace) => trace.showlegend !== false && trace.name;

function nameLines(figure, height) {
  if (!figure.layout.showlegend) return;
  const ends = figure.data
    .filter((trace) => isShown(trace) && (trace.mode || "").includes("lines") && trace.x && trace.y)
    .map((trace) => ({ trace, last: trace.y.reduce((found, y, at) => (Number.isFinite(y) ? at : found), -1) }))
    .filter(({ last }) => last >= 0)
    .map(({ trace, last }) => ({ trace, x: trace.x[last], y: trace.y[last] }))
    .sort((a, b) => a.y - b.y);
  if (!ends.length || ends.length > 8) return;
  const right = ends.reduce((most, end) => (end.x > most ? end.x : most), ends[0].x);
  const at = ends.map((end) => end.y * pixelsPerUnit(figure, end.trace, height));
  const places = [...at];
  for (let place = 1; place < places.length; place++) places[place] = Math.max(places[place], places[place - 1] + NAME_PIXELS);
  ends.forEach((end, number) => {
    const color = (end.trace.line || {}).color || (end.trace.marker || {}).color;
    note(figure, {
      x: right, y: end.y, xref: end.trace.xaxis || "x", yref: end.trace.yaxis || "y", text: end.trace.name,
      xanchor: "left", xshift: 12, yshift: places[number] - at[number], font: { color, size: 16 },
    });
    end.trace.showlegend = false;
  });
  widen(figure, Math.max(...ends.map(({ trace }) => widthOf(trace.name))));
}

/** Entries that say what a dash means have no line on the chart: they become words above it. */
function nameDashes(figure) {
  const keys = figure.data.filter((trace) => isShown(trace) && (trace.mode || "") === "lines" && !(trace.y || []).some(Number.isFinite));
  if (!keys.length || !figure.layout.showlegend) return;
  const marks = { solid: "━━", dash: "╍╍", dot: "┅┅" };
  const text = keys.map((trace) => `${marks[(trace.line || {}).dash || "solid"] || "──"} ${trace.name}`).join("     ");
  note(figure, { text, x: 1, y: 1, xref: "paper", yref: "paper", xanchor: "right", yanchor: "bottom", yshift: 4, font: { size: 16 } });
  keys.forEach((trace) => { trace.showlegend = false; });
}

/** Names beside single points, while they are few. */
function namePoints(figure) {
  const points = figure.data.filter((trace) => isShown(trace) && trace.mode === "markers" && (trace.y || []).filter(Number.isFinite).length === 1);
  if (!figure.layout.showlegend || !points.length || points.length > 12) return;
  points.forEach((trace) => {
    const color = (trace.marker || {}).color;
    const at = trace.y.findIndex(Number.isFinite);
    const log = (figure.layout["xaxis" + (trace.xaxis || "x").slice(1)] || {}).type === "log";
    note(figure, {
      x: log ? Math.log10(trace.x[at]) : trace.x[at], y: trace.y[at], xref: trace.xaxis || "x", yref: trace.yaxis || "y",
      text: trace.name, xanchor: "left", xshift: 9, yshift: 11, font: { color: typeof color === "string" ? color : undefined, size: 15 },
    });
    trace.showlegend = false;
  });
  widen(figure, Math.max(...points.map((trace) => widthOf(trace.name))));
}

// -- one page at a time ----------------------------------------------------------------------------------------------------------------

let now = -1;

function show(place) {
  if (place < 0 || place >= sections.length) return;
  sections[now]?.classList.remove("now");
  now = place;
  const section = sections[now];
  section.classList.add("now");
  const only = (kind) => section.querySelectorAll(kind).forEach((element, at) => element.classList.toggle("extra", at > 0));
  [".chart", "p.caption", "p.answer", "p.empty"].forEach(only);
  section.querySelectorAll("p.answer").forEach((text) => text.classList.toggle("lengthy", text.textContent.length > 170));
  const table = section.querySelector("table");
  if (table) table.classList.add("first");
  const chart = section.querySelector(".chart");
  if (chart) draw(chart);
  if (table) fit(table);
  const [left, right] = document.getElementById("keys").children;
  left.textContent = `${section.dataset.read}. `;
  if (section.dataset.live) left.append(Object.assign(document.createElement("a"), { href: section.dataset.live, target: "_blank", rel: "noopener", textContent: "Live page" }));
  right.textContent = `${now + 1} of ${sections.length} · arrow keys · T table · F full screen · Esc all pages`;
  history.replaceState(null, "", `#present-${now + 1}`);
}

/** Smaller type for a table that is wider than the room, down to what can still be read. */
function fit(table) {
  table.style.fontSize = "";
  for (let size = 1; size >= 0.7 && table.clientWidth && table.scrollWidth > table.clientWidth; size -= 0.05) table.style.fontSize = `${size}rem`;
}

function drawAll() {
  if (isDeck()) show(now);
  else document.querySelectorAll(".chart").forEach(draw);
}

/** Read all pages on: no page is hidden. */
function leave() {
  document.body.classList.remove("deck", "with-table");
  document.querySelectorAll(".extra").forEach((element) => element.classList.remove("extra"));
  history.replaceState(null, "", "#all");
  drawAll();
  sections[now]?.scrollIntoView();
}

function present(place) {
  document.body.classList.add("deck");
  show(Math.min(Math.max(place, 0), sections.length - 1));
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.toLowerCase();
  if (!isDeck()) return key === "p" ? present(Math.max(0, now)) : undefined;
  const step = { ArrowRight: 1, ArrowDown: 1, " ": 1, PageDown: 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1 }[event.key];
  if (step && !(event.key === " " && event.target.closest("button, a"))) { event.preventDefault(); show(now + step); }
  if (event.key === "Home") show(0);
  if (event.key === "End") show(sections.length - 1);
  if (event.key === "Escape") leave();
  if (key === "t") { document.body.classList.toggle("with-table"); show(now); }
  if (key === "f") document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();
});
addEventListener("resize", () => isDeck() && show(now));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

// -- news: only where the dashboard serves this document --------------------------------------------------------------------------------

const ASK_EVERY_MS = 5000;

async function askForNews() {
  try {
    const answer = await fetch(`${location.pathname}/news`);
    const { text } = await answer.json();
    const place = document.getElementById("news");
    if (!text || place.dataset.text === text) return;
    place.dataset.text = text;
    const button = Object.assign(document.createElement("button"), { textContent: "Refresh all slides", onclick: () => refresh(place, button) });
    place.replaceChildren(Object.assign(document.createElement("span"), { textContent: text }), button);
    if (isDeck()) show(now);
  } catch { /* the server is gone; the slides stay what they are */ }
}

async function refresh(place, button) {
  Object.assign(button, { disabled: true, textContent: `Reading ${sections.length} ${sections.length === 1 ? "page" : "pages"} …` });
  try {
    const answer = await fetch(`${location.pathname}/refresh`, { method: "POST" });
    const { error } = await answer.json();
    if (!error) return location.reload();
    place.firstChild.textContent = error;
  } catch {
    place.firstChild.textContent = "The dashboard does not answer; the slides stay as they are.";
  }
  Object.assign(button, { disabled: false, textContent: "Try again" });
}

const asked = /^#present(?:-(\d+))?$/.exec(location.hash);
if (asked || (isDeck() && location.hash !== "#all")) present(asked && asked[1] ? Number(asked[1]) - 1 : 0);
else leave();
if (isServed) {
  askForNews();
  setInterval(askForNews, ASK_EVERY_MS);
}
