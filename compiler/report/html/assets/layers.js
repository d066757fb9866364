// Where energy, time and error come from: the components of an estimate, and the layers of the program.
function componentTable(point) {
  const parts = point.cost.components;
  const [energies, times] = [most(parts.map((part) => part.energy_j)), most(parts.map((part) => part.latency_s))];
  const ofAll = (energy) => (energy?.best ? share(energy.best / point.energy.best) : "–");
  return table("Energy and latency by component",
    [{ name: "Component" }, { name: "Energy", class: "barred" }, { name: "Share", number: true }, { name: "Latency", class: "barred" }, { name: "Grade" }, { name: "Source", class: "reason" }],
    parts.map((part) => [
      [html("span", { class: "name" }, part.name), html("span", { class: "setting" }, part.kind)],
      barred(part.energy_j, energies, "J"), ofAll(part.energy_j), barred(part.latency_s, times, "s"), badge(part.grade), part.source,
    ]));
}

function layerTable(point) {
  const largest = (values) => values.reduce((found, value) => Math.max(found, value ?? 0), 0);
  const value = (key, words, among) => (layer) => (layer[key] === null ? "–" : [words(layer[key]), bar(plain(layer[key]), among)]);
  const count = (key) => (layer) => (layer[key] ? short(layer[key]) : "–");
  const columns = [
    { name: "Layer", cell: (layer) => [html("span", { class: "name" }, layer.node), html("span", { class: "setting" }, `${layer.kind} ${layer.shape.join(" × ")}`)] },
    { name: "Energy of its events", class: "barred", has: "energy_j", cell: (layer) => barred(layer.energy_j, most(point.layers.map((l) => l.energy_j)), "J") },
    { name: "Spikes", number: true, has: "spikes", cell: (layer) => (layer.spikes === null ? "–" : short(layer.spikes)) },
    { name: "Firing rate, spikes a neuron and step", class: "barred", has: "firing_rate", cell: value("firing_rate", short, largest(point.layers.map((l) => l.firing_rate))) },
    { name: "Synaptic operations", number: true, has: "synaptic_operations", cell: count("synaptic_operations") },
    { name: "Neuron updates", number: true, has: "neuron_updates", cell: count("neuron_updates") },
    { name: "Quantization error, relative RMS", class: "barred", has: "error", cell: value("error", (error) => percent(error, 2), largest(point.layers.map((l) => l.error))) },
  ].filter(({ has }) => !has || point.layers.some((layer) => layer[has]));
  const told = point.layers.filter((layer) => columns.some(({ has }) => layer[has]));
  const silent = point.layers.length - told.length;
  return [
    table("Layers, for one inference", columns, told.map((layer) => columns.map(({ cell }) => cell(layer)))),
    silent ? html("p", { class: "hint" }, `${silent} more, for which nothing was counted.`) : null,
  ];
}
