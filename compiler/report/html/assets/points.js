// The points of a plot: drawn with their intervals, and reached by pointer and keyboard.
const drawable = (point) => point.energy !== null && point.score !== null;

function pointLabel(point, view, group) {
  const parts = [
    `${view.targets[point.target]}, ${point.setting}`,
    `energy ${energyText(point)}, ${spread(point.energy, "J")}`,
    `latency ${si(point.latency.best, "s")}, ${spread(point.latency, "s")}`,
    `${group.metric} ${scoreText(group, point.score)}`,
    `grade ${point.cost.grade}`,
  ];
  if (point.onEnergyFront) parts.push("on the energy front");
  if (point.onLatencyFront) parts.push("on the latency front");
  return parts.join("; ");
}

function drawnPoint(point, index, plot, view, group) {
  const { x, y, cost, range } = plot;
  const value = point[cost];
  const at = [x(Math.max(value.best, range[0])), y(point.score)];
  const [low, high] = [x(Math.max(value.low, range[0])), x(value.high)];
  const open = cost === "energy" && point.cost.missing.length > 0;
  const across = `M${low} ${at[1]}H${high}` + (open ? `m-5-4l5 4l-5 4` : `m0-4v8`) + `M${low} ${at[1] - 4}v8`;
  const up = point.scoreInterval ? `M${at[0]} ${y(point.scoreInterval[0])}V${y(point.scoreInterval[1])}` : "";
  return svg("g", {
    class: point[plot.onFront] ? "point on-front" : "point", role: "option", tabindex: -1, "data-index": index,
    "aria-selected": "false", "aria-label": pointLabel(point, view, group), style: { "--colour": colour(point.target) },
  },
  svg("path", { class: "whisker", d: across + up }),
  svg("circle", { class: "ring", cx: at[0], cy: at[1], r: 12 }),
  svg("path", { class: "mark", transform: `translate(${at})${point[plot.onFront] ? "" : "scale(.8)"}`, d: shape(point.target) }));
}

function tip(point, view, group) {
  const lines = [
    `Energy ${energyText(point)} (${spread(point.energy, "J")})`,
    `Latency ${si(point.latency.best, "s")} (${spread(point.latency, "s")})`,
    `${group.metric[0].toUpperCase()}${group.metric.slice(1)} ${scoreText(group, point.score)}` +
      (point.scoreInterval ? ` (${point.scoreInterval.map((s) => scoreText(group, s)).join(" – ")})` : ""),
    `Grade ${point.cost.grade}`,
  ];
  return html("div", { class: "tip", "aria-hidden": "true" },
    html("strong", {}, view.targets[point.target]), html("div", { class: "muted" }, point.setting), lines.map((line) => html("div", {}, line)));
}

// Shows the tip of the point that has the focus or is nearest to the pointer, and opens points. The stage listens, not the
// SVG inside: Chromium puts SVG elements that listen to the focus among the stops of the Tab key.
function listen(stage, list, plot, show, open) {
  const marks = [...list.children];
  const spots = marks.map((mark) => mark.querySelector("circle")).map((ring) => [Number(ring.getAttribute("cx")), Number(ring.getAttribute("cy"))]);
  let nearest = null;
  const hint = (mark) => {
    stage.querySelector(".tip")?.remove();
    nearest?.classList.remove("near-pointer");
    nearest = mark;
    if (mark) { mark.classList.add("near-pointer"); show(mark); }
  };
  const under = (event) => {
    const box = list.ownerSVGElement.getBoundingClientRect();
    const scale = plot.width / box.width;
    const distances = spots.map(([a, b]) => Math.hypot((event.clientX - box.left) * scale - a, (event.clientY - box.top) * scale - b));
    const best = distances.reduce((found, distance, i) => (distance < distances[found] ? i : found), 0);
    return distances[best] < 28 ? marks[best] : null;
  };
  stage.addEventListener("pointermove", (event) => hint(under(event)));
  stage.addEventListener("pointerleave", () => hint(null));
  stage.addEventListener("click", (event) => { const mark = under(event); if (mark) open(Number(mark.dataset.index)); });
  stage.addEventListener("focusin", (event) => hint(event.target.closest(".point")));
  stage.addEventListener("focusout", () => hint(null));
  stage.addEventListener("keydown", (event) => steer(event, marks, open, () => hint(null)));
}

function steer(event, marks, open, close) {
  const now = marks.indexOf(document.activeElement);
  const moves = { ArrowRight: now + 1, ArrowDown: now + 1, ArrowLeft: now - 1, ArrowUp: now - 1, Home: 0, End: marks.length - 1 };
  if (event.key in moves) {
    const next = marks[Math.min(marks.length - 1, Math.max(0, moves[event.key]))];
    marks.forEach((mark) => mark.setAttribute("tabindex", mark === next ? 0 : -1));
    next.focus();
  } else if (event.key === "Enter" || event.key === " ") open(Number(marks[now].dataset.index));
  else if (event.key === "Escape") close();
  else return;
  event.preventDefault();
}

function drawPlot(place, kind, view, group, shown, open) {
  const energy = kind === "energy";
  const points = group.points.map((point, index) => ({ point, index })).filter(({ point }) => drawable(point) && shown(point));
  const width = Math.max(280, place.clientWidth || 560);
  const height = Math.min(400, Math.max(300, width * 0.68));
  const range = costRange(points.map(({ point }) => point[kind]));
  const scores = scoreRange(points.map(({ point }) => point), group);
  const plot = {
    width, height, range, scores, cost: kind, onFront: energy ? "onEnergyFront" : "onLatencyFront",
    label: energy ? `Energy an inference (${group.baseline}), logarithmic` : "Latency, logarithmic",
    x: logScale(...range, MARGIN.left, width - MARGIN.right),
    y: (score) => height - MARGIN.bottom - ((score - scores[0]) / (scores[1] - scores[0])) * (height - MARGIN.bottom - MARGIN.top),
  };
  points.sort((a, b) => a.point[kind].best - b.point[kind].best || a.point.score - b.point.score);
  const list = svg("g", { role: "listbox", "aria-label": `${energy ? "Energy" : "Latency"} against ${group.metric}: ${points.length} points, the cheapest first` },
    points.map(({ point, index }) => drawnPoint(point, index, plot, view, group)));
  const stage = html("div", {}, svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": `Plot of ${kind} against ${group.metric}` },
    axes(plot, group, energy ? "J" : "s"), frontLine(plot, points.map(({ point }) => point)), list));
  const show = (mark) => {
    const { point } = points.find(({ index }) => index === Number(mark.dataset.index));
    const box = stage.appendChild(tip(point, view, group));
    const [a, b] = [plot.x(Math.max(point[kind].best, range[0])), plot.y(point.score)];
    const left = a + 18 + box.offsetWidth > width ? a - 18 - box.offsetWidth : a + 18;
    box.style.left = `${Math.max(0, left)}px`;
    box.style.top = `${Math.max(0, Math.min(b - 20, height - box.offsetHeight))}px`;
  };
  listen(stage, list, plot, show, open);
  place.replaceChildren(stage);
}
