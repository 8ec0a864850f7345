// The tokens of one reply, coloured by how likely the model found each; the likeliest ones appear beside the token that is pointed at.
// What a model wrote is set as text content only: it can never become markup.

const views = new WeakMap();

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function percent(logprob) {
  const share = 100 * Math.exp(logprob);
  return share >= 10 ? `${share.toFixed(1)} %` : share >= 0.01 ? `${share.toFixed(2)} %` : "< 0.01 %";
}

function row(text, logprob, isChosen) {
  const made = element("div", isChosen ? "row chosen" : "row");
  const bar = element("i");
  bar.style.width = `${100 * Math.exp(logprob)}%`;
  made.append(element("code", "", text), bar, element("b", "", percent(logprob)));
  return made;
}

function show(view, place) {
  const span = view.spans[place];
  if (view.active) view.active.classList.remove("active");
  view.active = span ?? null;
  view.place = place;
  if (!span) return hide(view);
  span.classList.add("active");
  const [text, logprob, likely] = view.tokens[place];
  view.box.replaceChildren();
  if (logprob === null) {
    view.box.append(element("div", "", "No probability is known for this text."));
  } else {
    const isAmong = likely.some(([other]) => other === text);
    for (const [other, value] of likely) view.box.append(row(other, value, other === text));
    if (!isAmong) view.box.append(row(text, logprob, true));
  }
  view.box.style.display = "block";
  const at = span.getBoundingClientRect();
  const box = view.box.getBoundingClientRect();
  const below = at.bottom + box.height + 8 < innerHeight;
  view.box.style.left = `${Math.max(8, Math.min(at.left, innerWidth - box.width - 8))}px`;
  view.box.style.top = `${below ? at.bottom + 6 : at.top - box.height - 6}px`;
}

function hide(view) {
  view.active?.classList.remove("active");
  view.active = null;
  view.box.style.display = "none";
}

function make(parent) {
  const view = { list: parent.querySelector(".tokens"), box: parent.querySelector(".likely"), spans: [], tokens: [], job: null, place: -1, active: null };
  view.list.addEventListener("mouseover", (event) => {
    const place = view.spans.indexOf(event.target);
    if (place >= 0) show(view, place);
  });
  view.list.addEventListener("mouseleave", () => hide(view));
  view.list.addEventListener("scroll", () => hide(view));
  view.list.addEventListener("blur", () => hide(view));
  view.list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === "Escape") hide(view);
    if (!step || !view.spans.length) return;
    event.preventDefault();
    show(view, Math.max(0, Math.min(view.spans.length - 1, view.place + step)));
  });
  return view;
}

export default function ({ data, parentElement }) {
  const list = parentElement.querySelector(".tokens");
  const view = views.get(list) ?? make(parentElement);
  views.set(list, view);
  if (view.job !== data.job || view.spans.length > data.tokens.length) {
    hide(view);
    Object.assign(view, { spans: [], job: data.job, place: -1 });
    list.replaceChildren();
  }
  view.tokens = data.tokens;
  const isAtEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 24;
  for (const [text, logprob] of data.tokens.slice(view.spans.length)) {
    const span = element("span", logprob === null ? "" : "told", text);
    if (logprob !== null) span.style.setProperty("--sure", Math.exp(logprob).toFixed(4));
    view.spans.push(span);
    list.append(span);
  }
  list.classList.toggle("running", data.is_running);
  list.setAttribute("aria-label", data.label);
  if (isAtEnd && data.is_running) list.scrollTop = list.scrollHeight;
}
