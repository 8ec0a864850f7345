// How a figure gets its colours in a browser: on a page (chart.js) and in a file that opens offline (snapshot.html).

/**
 * Axes write "62 %" as the text around them does. In plotly.js "%" always writes "62%"; "$" takes what stands
 * behind a number from the language, where it would be a currency. `paint` puts it in front of formats in percent.
 */
const LOCALES = { en: { format: { currency: ["", " %"] } } };

/** Put the theme's colours where the figure names them; only under keys that hold colours, so that data is never touched. */
function paint(value, theme, isColour = false) {
  if (typeof value === "string") return isColour ? (theme[value] ?? value) : value;
  if (Array.isArray(value)) return value.length && (isColour || typeof value[0] === "object") ? value.map((v) => paint(v, theme, isColour)) : value;
  if (value === null || typeof value !== "object") return value;
  for (const key of Object.keys(value)) {
    if (key === "customdata") continue;
    if (key === "tickformat") value[key] = value[key].replace(/^\.\d%$/, "$$$&");
    else value[key] = paint(value[key], theme, /color(scale|way)?$/.test(key));
  }
  return value;
}

function template(theme) {
  const axis = {
    gridcolor: theme["@grid"], linecolor: theme["@muted"], zerolinecolor: theme["@muted"], tickcolor: theme["@muted"], ticks: "",
    tickfont: { color: theme["@muted"] }, title: { font: { color: theme["@text"] } },
  };
  return {
    layout: {
      font: { family: theme.font, size: 13, color: theme["@text"] },
      paper_bgcolor: theme["@paper"], plot_bgcolor: theme["@paper"],
      xaxis: axis, yaxis: axis,
      hoverlabel: { bgcolor: theme["@surface"], bordercolor: theme["@muted"], font: { family: theme.font, size: 13, color: theme["@text"] }, align: "left" },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: theme["@muted"], activecolor: theme["@text"] },
    },
  };
}

/** Plotly builds CSS selectors from trace ids, so a model's name must not stand in one as it is. */
function asWord(text) {
  return text.replace(/[^A-Za-z0-9]/g, (mark) => `_${mark.codePointAt(0).toString(16)}`);
}
