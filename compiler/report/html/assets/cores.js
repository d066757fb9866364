// The cores of a chip where they are: how full each is, and how many spikes pass it.
const fullest = (core) => Object.values(core.uses).reduce((found, [used, limit]) => Math.max(found, limit ? used / limit : 0), 0);
const traffic = (core) => core.sent + core.arrived;

function chipMap(cores, name, value, most, words) {
  const size = (axis) => cores.reduce((found, core) => Math.max(found, core[axis] + 1), 1);
  const [columns, rows] = [size("x"), size("y")];
  const side = Math.max(6, Math.min(28, Math.floor(420 / Math.max(columns, rows))));
  const taken = new Set(cores.map(({ x, y }) => `${x},${y}`));
  const free = columns * rows > 5000 ? [] : Array.from({ length: columns * rows }, (_, i) => [i % columns, Math.floor(i / columns)]).filter(([x, y]) => !taken.has(`${x},${y}`));
  const box = (x, y, attributes, ...children) => svg("rect", { x: x * side + 1, y: y * side + 1, width: side - 2, height: side - 2, rx: 2, ...attributes }, ...children);
  return html("figure", {},
    html("figcaption", {}, html("strong", {}, `Chip ${cores[0].chip}: ${name}`), html("div", { class: "muted" }, "0", html("span", { class: "scale", "aria-hidden": "true" }), words(most))),
    svg("svg", { viewBox: `0 0 ${columns * side} ${rows * side}`, width: columns * side, height: rows * side, role: "img", "aria-label": `${name} of the ${cores.length} cores in use on chip ${cores[0].chip}; the table below has the numbers` },
      free.map(([x, y]) => box(x, y, { class: "free" })),
      cores.map((core) => box(core.x, core.y, { class: "core", style: { "--full": `${most ? Math.round((100 * value(core)) / most) : 0}%` } },
        svg("title", {}, `core ${core.core}: ${core.population}, ${words(value(core))}`)))));
}

function coreTable(cores) {
  const resources = Object.keys(cores[0].uses);
  return table("Cores", [{ name: "Core" }, { name: "Holds" }, ...resources.map((name) => ({ name, number: true })), { name: "Spikes sent", number: true }, { name: "Spikes arrived", number: true }],
    cores.map((core) => [`chip ${core.chip}, core ${core.core}`, core.population,
      ...resources.map((name) => { const [used, limit] = core.uses[name] ?? [0, 0]; return `${short(used)} / ${short(limit)}`; }), short(core.sent), short(core.arrived)]));
}

function coreMaps(cores) {
  const chips = [...new Set(cores.map((core) => core.chip))];
  const busiest = cores.reduce((found, core) => Math.max(found, traffic(core)), 0);
  return [
    html("div", { class: "maps" }, chips.slice(0, 8).map((chip) => {
      const here = cores.filter((core) => core.chip === chip);
      return [
        chipMap(here, "use of the fullest resource", fullest, 1, (share) => percent(share, 0)),
        chipMap(here, "spikes passing, an inference", traffic, busiest, short),
      ];
    })),
    chips.length > 8 ? html("p", { class: "muted" }, `${chips.length - 8} more chips are in the table.`) : null,
    html("details", {}, html("summary", {}, `Table of ${cores.length} cores`), coreTable(cores)),
  ];
}
