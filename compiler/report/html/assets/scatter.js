// One plot: a cost across, on a logarithmic axis, and the score upwards. Axes, front and the float score.
const MARGIN = { left: 62, right: 18, top: 34, bottom: 46 };

function logScale(low, high, from, to) {
  const [a, b] = [Math.log10(low), Math.log10(high)];
  return (value) => from + ((Math.log10(value) - a) / (b - a)) * (to - from);
}

function costRange(intervals) {
  const positive = intervals.flatMap((i) => [i.low, i.best, i.high]).filter((value) => value > 0);
  if (!positive.length) return [1e-6, 1e-3];
  const [low, high] = [positive.reduce((a, b) => Math.min(a, b)), positive.reduce((a, b) => Math.max(a, b))];
  return [low / 1.3, high * 1.3];
}

function scoreRange(points, group) {
  const values = points.flatMap((p) => [p.score, ...(p.scoreInterval ?? [])]).concat(group.reference);
  const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  const room = Math.max((high - low) * 0.08, Math.abs(high) * 0.01, 1e-9);
  return group.share ? [Math.max(0, low - room), Math.min(1 + room / 3, high + room)] : [Math.max(0, low - room), high + room];
}

function roundTicks(low, high, count) {
  const rough = (high - low) / count;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * size).find((n) => n >= rough);
  return Array.from({ length: Math.floor(high / step + 1e-9) - Math.ceil(low / step - 1e-9) + 1 }, (_, i) => (Math.ceil(low / step - 1e-9) + i) * step);
}

function logTicks(low, high, width) {
  const decades = Math.log10(high / low);
  const every = Math.max(1, Math.ceil((decades * 62) / width));
  const leads = decades < 1.2 ? [1, 2, 5] : decades < 2.4 && width > 420 ? [1, 3] : [1];
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    if (power % every === 0) ticks.push(...leads.map((lead) => lead * 10 ** power));
  }
  return ticks.filter((tick) => tick >= low && tick <= high);
}

function axes(plot, group, unit) {
  const { x, y, width, height, range, scores } = plot;
  const [right, bottom] = [width - MARGIN.right, height - MARGIN.bottom];
  const better = group.lower ? "↙ better" : "↖ better";
  const share = group.share;
  return svg("g", { "aria-hidden": "true" },
    nearBand(plot, group),
    logTicks(...range, right - MARGIN.left).map((tick) => [
      svg("path", { class: "grid", d: `M${x(tick)} ${MARGIN.top}V${bottom}` }),
      svg("text", { x: x(tick), y: bottom + 18, "text-anchor": "middle" }, si(tick, unit)),
    ]),
    roundTicks(...scores, 8).filter((tick) => !share || tick <= 1.0001).map((tick) => [
      svg("path", { class: "grid", d: `M${MARGIN.left} ${y(tick)}H${right}` }),
      svg("text", { x: MARGIN.left - 8, y: y(tick) + 4, "text-anchor": "end" }, share ? percent(tick, scores[1] - scores[0] < 0.04 ? 1 : 0) : short(tick)),
    ]),
    svg("path", { class: "axis", d: `M${MARGIN.left} ${MARGIN.top}V${bottom}H${right}` }),
    svg("path", { class: "float", d: `M${MARGIN.left} ${y(group.reference)}H${right}` }),
    svg("text", { x: right, y: y(group.reference) - 5, "text-anchor": "end" }, "float"),
    svg("text", { x: (MARGIN.left + right) / 2, y: height - 6, "text-anchor": "middle" }, plot.label),
    svg("text", { x: MARGIN.left - 8, y: 14, "text-anchor": "end" }, group.metric.length > 8 ? (group.lower ? "error" : "score") : group.metric),
    svg("text", { x: MARGIN.left + 6, y: group.lower ? bottom - 10 : 14 }, better));
}

function nearBand({ y, width, height, scores }, group) {
  const edge = group.share ? group.reference - 0.01 : group.lower ? group.reference * 1.01 : group.reference * 0.99;
  const [a, b] = [y(Math.min(Math.max(edge, scores[0]), scores[1])), y(group.reference)];
  return svg("rect", { class: "near", x: MARGIN.left, y: Math.min(a, b), width: width - MARGIN.left - MARGIN.right, height: Math.abs(b - a) });
}

function frontLine({ x, y, cost, onFront }, points) {
  const kept = points.filter((p) => p[onFront]).sort((a, b) => a[cost].best - b[cost].best);
  const steps = kept.map((p, i) => (i === 0 ? `M${x(p[cost].best)} ${y(p.score)}` : `H${x(p[cost].best)}V${y(p.score)}`));
  return svg("path", { class: "front", d: steps.join(""), "aria-hidden": "true" });
}
