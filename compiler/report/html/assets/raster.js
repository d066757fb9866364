// The spikes of one sample: a panel for each population, time steps across, neurons up.
function spikePath(population, steps, wide, tall, height) {
  const neurons = Math.ceil(population.shown / population.every);
  const [markWide, markTall] = [Math.max(1, Math.min(wide * 0.7, 5)), Math.max(1, Math.min(tall * 0.8, 5))];
  const drawn = new Set();
  let place = 0;
  for (const more of population.places) {
    place += more;
    const [step, neuron] = [place % steps, Math.floor(place / steps)];
    const [x, y] = [(step + 0.5) * wide - markWide / 2, height - ((neuron + 0.5) / neurons) * height - markTall / 2];
    drawn.add(`M${x.toFixed(1)} ${y.toFixed(1)}h${markWide.toFixed(1)}v${markTall.toFixed(1)}h-${markWide.toFixed(1)}z`);
  }
  return [...drawn].join("");
}

function rasterPanel(population, steps) {
  const [width, left, bottom] = [560, 34, 30];
  const neurons = Math.ceil(population.shown / population.every);
  const height = Math.min(220, Math.max(36, neurons * 4));
  const wide = (width - left) / steps;
  const part = population.shown < population.neurons ? `the first ${short(population.shown)} of ${short(population.neurons)} neurons` : `${short(population.neurons)} neurons`;
  const said = `${short(population.spikes)} spikes of ${part}, ${steps} steps${population.every > 1 ? `; one neuron in ${population.every} is drawn` : ""}`;
  const ticks = roundTicks(0, steps - 1 || 1, 8).filter(Number.isInteger);
  return html("figure", {},
    html("figcaption", {}, html("strong", {}, population.name), html("span", { class: "muted" }, ` ${said}`)),
    svg("svg", { viewBox: `0 0 ${width} ${height + bottom}`, width, height: height + bottom, role: "img", "aria-label": `Spike raster of ${population.name}: ${said}` },
      svg("text", { x: left - 6, y: height, "text-anchor": "end" }, "0"),
      neurons > 1 ? svg("text", { x: left - 6, y: 10, "text-anchor": "end" }, (neurons - 1) * population.every) : null,
      svg("g", { transform: `translate(${left} 0)` },
        svg("rect", { class: "frame", width: width - left, height }),
        svg("path", { class: "spikes", d: spikePath(population, steps, wide, height / neurons, height) }),
        ticks.map((step) => svg("text", { x: (step + 0.5) * wide, y: height + 15, "text-anchor": "middle" }, step)),
        svg("text", { x: (width - left) / 2, y: height + 28, "text-anchor": "middle" }, "time step"))));
}

const rasterFigures = (raster) => html("div", { class: "maps" }, raster.populations.map((population) => rasterPanel(population, raster.steps)));
