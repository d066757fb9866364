// One comparison: its plots, its legend, its table and the point that is open, kept in step.
function startComparison(section, view, group, number) {
  const hidden = new Set();
  const plots = [...section.querySelectorAll(".plot")];
  const rows = section.querySelector("table.points");
  const place = section.querySelector(".detail");
  let chosen = group.chosen;

  const marked = () => {
    for (const plot of plots) {
      const marks = [...plot.querySelectorAll(".point")];
      const open = marks.find((point) => Number(point.dataset.index) === chosen);
      marks.forEach((point) => {
        point.setAttribute("aria-selected", String(point === open));
        point.setAttribute("tabindex", point === (open ?? marks[0]) ? 0 : -1);
      });
    }
    for (const row of rows.tBodies[0].rows) row.setAttribute("aria-current", String(Number(row.dataset.point) === chosen));
  };
  const show = () => {
    place.replaceChildren(...detail(group.points[chosen], view, group, `detail-${number}`));
    marked();
  };
  const open = (index) => {
    chosen = index;
    show();
    const point = group.points[index];
    say(`Opened ${view.targets[point.target]}, ${point.setting}: energy ${energyText(point)}, ${group.metric} ${scoreText(group, point.score)}. Details below the plots.`);
  };
  const draw = () => {
    plots.forEach((plot) => drawPlot(plot, plot.dataset.plot, view, group, (point) => !hidden.has(point.target), open));
    marked();
  };

  const targets = [...new Set(group.points.filter(drawable).map((point) => point.target))];
  section.querySelector(".legend").append(...targets.map((target) => {
    const button = html("button", { type: "button", "aria-pressed": "true" }, mark(target), view.targets[target]);
    button.addEventListener("click", () => {
      if (!hidden.delete(target)) hidden.add(target);
      button.setAttribute("aria-pressed", String(!hidden.has(target)));
      draw();
    });
    return button;
  }));
  const left = group.points.filter((point) => !drawable(point)).length;
  if (left) section.querySelector(".hint").append(` ${left} without a price or a score ${left > 1 ? "are" : "is"} only in the table.`);
  section.querySelector(".plots").hidden = false;
  section.classList.toggle("crowd", group.points.length > 40);
  makeSortable(rows);
  makeOpening(rows, (index) => { open(index); place.focus(); place.scrollIntoView({ block: "start" }); });
  draw();
  show();

  let width = plots[0].clientWidth;
  new ResizeObserver(() => {
    if (plots[0].clientWidth && plots[0].clientWidth !== width && !plots[0].contains(document.activeElement)) { width = plots[0].clientWidth; draw(); }
  }).observe(plots[0]);
}
