// Everything that is known of one point.
function copying(text) {
  const button = html("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(text); say("Copied"); button.textContent = "Copied"; }
    catch { getSelection().selectAllChildren(button.previousElementSibling); say("Selected: copy it with the keyboard"); }
  });
  return button;
}

function pointFacts(point, group) {
  const measured = point.cost?.measured;
  return facts([
    ["Energy an inference", point.energy && [energyText(point), html("span", { class: "interval" }, ` (${spread(point.energy, "J")}), ${point.cost.baseline}`)]],
    ["Latency", point.latency && [si(point.latency.best, "s"), html("span", { class: "interval" }, ` (${spread(point.latency, "s")})`)]],
    [group.metric[0].toUpperCase() + group.metric.slice(1), [scoreText(group, point.score), point.scoreInterval &&
      html("span", { class: "interval" }, ` (95 %: ${point.scoreInterval.map((s) => scoreText(group, s)).join(" – ")})`)]],
    ["Float score", scoreText(group, point.reference)],
    ["Same class as float", point.agreement === null ? null : percent(point.agreement)],
    ["Time steps", point.steps === null ? null : String(point.steps)],
    ["Verified when compiled", point.verified],
    ["Grade", point.cost && badge(point.cost.grade)],
    ["Measured on hardware", measured ? `${measured.device}: ${si(measured.latency_s, "s")}${measured.energy_j === null ? ", no meter" : `, ${si(measured.energy_j, "J")}`}` : null],
  ]);
}

function provenance(point) {
  return html("details", { class: "printed" }, html("summary", {}, "All options and where this comes from"), facts([
    ...Object.entries(point.options).map(([name, value]) => [name, value]),
    ["Tested on", point.data], ["Calibrated on", point.calibration], ["Seed", String(point.seed)], ["nmc", point.nmc], ["Key", html("code", {}, point.key)],
  ]));
}

function detail(point, view, group, id) {
  const cores = point.cores.length > 0;
  return [
    html("h2", { id }, mark(point.target), ` ${view.targets[point.target]}`, html("span", { class: "setting" }, ` on ${point.chip}, ${point.setting}`)),
    html("div", { class: "run" }, html("code", {}, point.command), copying(point.command)),
    pointFacts(point, group),
    point.cost?.missing.length ? html("p", {}, html("strong", {}, "Energy is a lower bound. "), `Never published: ${point.cost.missing.join("; ")}.`) : null,
    provenance(point),
    point.cost ? [html("h3", {}, "Energy and latency by component"), componentTable(point)] : html("p", { class: "muted" }, "No energy and no latency: no chip stands behind this target."),
    point.layers.some((layer) => layer.energy_j || layer.spikes || layer.error) ? [html("h3", {}, "Energy, firing rates and quantization error by layer"), layerTable(point)] : null,
    cores ? [html("h3", {}, "Where neurons sit"), coreMaps(point.cores),
      point.coresInAll > point.cores.length ? html("p", { class: "muted" }, `The first ${point.cores.length} of ${point.coresInAll} cores.`) : null] : null,
    point.raster ? [html("h3", {}, "Spikes of one sample"), rasterFigures(point.raster)] : null,
  ].flat(Infinity).filter(Boolean);
}
