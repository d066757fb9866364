// Unpacks what is drawn, and starts the comparison that is shown; others start when they are chosen.
async function unpacked() {
  const bytes = Uint8Array.from(atob(document.getElementById("drawn").textContent), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

async function start() {
  startTheme();
  const view = await unpacked();
  const sections = [...document.querySelectorAll(".comparison")];
  const started = new Set();
  const show = (chosen) => {
    sections.forEach((section, number) => { section.hidden = number !== chosen; });
    if (started.has(chosen) || !view.groups[chosen].points.length) return;
    started.add(chosen);
    startComparison(sections[chosen], view, view.groups[chosen], chosen);
  };
  const select = document.getElementById("comparison");
  if (select) {
    document.getElementById("which").hidden = false;
    select.addEventListener("change", () => show(Number(select.value)));
  }
  addEventListener("beforeprint", () => document.querySelectorAll("details.printed").forEach((part) => { part.open = true; }));
  show(Number(select?.value ?? 0));
  ready();
}
