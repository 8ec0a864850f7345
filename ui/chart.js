// One chart on the page. Plotly.react redraws on the same DOM node, so the reader's zoom outlives a change of the figure.
// Colours come from Streamlit's theme (CSS variables), never from the figure: "@text", "@muted", "@grid", "@paper", "@surface" name them.

const CLICK_REPEAT_MS = 400; // a double click fires plotly_click twice; the reader asked once
const charts = new WeakMap();
let library = null;

/** Load plotly.js once for all charts of this browser tab. The file is kept compressed: Streamlit would compress 4.8 MB anew per visitor. */
function loadLibrary(url) {
  library ??= (async () => {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    const plain = response.body.pipeThrough(new DecompressionStream("gzip"));
    const source = await new Response(plain, { headers: { "Content-Type": "text/javascript" } }).blob();
    const script = document.createElement("script");
    const loaded = new Promise((resolve, reject) => Object.assign(script, { onload: resolve, onerror: reject }));
    script.src = URL.createObjectURL(source);
    document.head.append(script);
    await loaded;
    URL.revokeObjectURL(script.src);
    return window.Plotly;
  })();
  library.catch(() => (library = null)); // the next redraw tries again
  return library;
}

function readTheme(element) {
  const css = getComputedStyle(element);
  const variable = (name) => css.getPropertyValue(name).trim();
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const text = rgb(variable("--st-text-color"));
  const faded = (share) => `rgba(${text.join(",")},${share})`;
  return {
    font: variable("--st-font") || "sans-serif",
    "@text": faded(1),
    "@muted": faded(0.66),
    "@grid": faded(0.12),
    "@paper": `rgb(${rgb(variable("--st-background-color")).join(",")})`,
    "@surface": `rgb(${rgb(variable("--st-secondary-background-color")).join(",")})`,
  };
}

async function draw(node, state) {
  const { data } = state;
  try {
    const plotly = await loadLibrary(data.library_url);
    if (state.gone || state.data !== data) return;
    const theme = readTheme(node);
    const drawn = data.figure + JSON.stringify(theme);
    if (state.drawn === drawn) return;
    const figure = paint(JSON.parse(data.figure), theme);
    for (const trace of figure.data) if (trace.uid) trace.uid = asWord(trace.uid);
    const layout = { autosize: true, uirevision: "kept", ...figure.layout, template: template(theme) };
    await plotly.react(node, figure.data, layout, {
      displaylogo: false,
      responsive: false,
      locales: LOCALES,
      // The last of these would upload the chart to a company's server.
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "sendChartToCloud"],
      toImageButtonOptions: { format: "svg", filename: data.file_name },
    });
    state.drawn = drawn;
    node.dataset.draws = String(Number(node.dataset.draws ?? 0) + 1);
    if (!state.listening) listen(node, state, plotly);
  } catch (error) {
    node.textContent = `This chart could not be drawn (${error.message ?? "its library did not load"}). Reload the page; the tables below hold the same numbers.`;
    node.classList.add("failed");
  }
}

function listen(node, state, plotly) {
  state.listening = true;
  node.on("plotly_click", ({ points }) => {
    const chosen = points.find((point) => point.customdata != null);
    const now = performance.now();
    if (!state.data.on_click || !chosen || now - state.clickedAt < CLICK_REPEAT_MS) return;
    state.clickedAt = now;
    state.send("click", chosen.customdata);
  });
  node.on("plotly_hover", ({ points }) => node.classList.toggle("clickable", state.data.on_click && points.some((point) => point.customdata != null)));
  node.on("plotly_unhover", () => node.classList.remove("clickable"));
  state.observer = new ResizeObserver(() => node.isConnected && node.clientWidth && plotly.Plots.resize(node));
  state.observer.observe(node);
}

export default function ({ data, parentElement, setTriggerValue }) {
  if (!data.figure) {
    loadLibrary(data.library_url).catch(() => {}); // only a head start; a chart that needs the library will say so
    return;
  }
  const node = parentElement.querySelector(".charybdis-chart");
  const state = charts.get(node) ?? { clickedAt: -Infinity, drawn: null, listening: false };
  charts.set(node, state);
  Object.assign(state, { data, send: setTriggerValue });
  node.setAttribute("role", "figure");
  node.setAttribute("aria-label", data.label);
  node.style.height = `${data.height}px`;
  draw(node, state);
  return () => {
    state.gone = true;
    state.observer?.disconnect();
    charts.delete(node);
    window.Plotly?.purge(node);
  };
}
