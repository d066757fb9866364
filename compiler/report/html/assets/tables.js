// Tables that can be sorted, and rows that open their point.
function makeSortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.slice(0, -1).forEach((head, column) => {
    const button = html("button", { type: "button" }, head.textContent);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      sortRows(table.tBodies[0], column, down ? -1 : 1);
      say(`Sorted by ${button.textContent}, ${down ? "highest" : "lowest"} first`);
    });
    head.replaceChildren(button);
  });
}

// Rows without a value stay last.
function sortRows(body, column, direction) {
  const key = (row) => { const cell = row.cells[column]; return cell.dataset.sort ?? cell.textContent; };
  const order = (a, b) => (a === "" || b === "" ? (a === "") - (b === "") : direction * (Number(a) - Number(b) || a.localeCompare(b, "en", { numeric: true })));
  body.append(...[...body.rows].sort((a, b) => order(key(a), key(b))));
}

function makeOpening(table, open) {
  for (const row of table.tBodies[0].rows) {
    const head = row.cells[0];
    const button = html("button", { type: "button" }, [...head.childNodes]);
    button.addEventListener("click", () => open(Number(row.dataset.point)));
    head.replaceChildren(button);
  }
}

function table(caption, heads, rows) {
  return html("div", { class: "scroll", role: "region", "aria-label": caption, tabindex: 0 },
    html("table", {},
      html("caption", { class: "unseen" }, caption),
      html("thead", {}, html("tr", {}, heads.map(({ name, number }) => html("th", { scope: "col", class: number ? "number" : null }, name)))),
      html("tbody", {}, rows.map((cells) => html("tr", {}, cells.map((cell, i) =>
        html(i ? "td" : "th", { scope: i ? null : "row", class: heads[i].number ? "number" : heads[i].class }, cell)))))));
}

// A value with its interval, in words and as a bar: its length is the best value, the line spans low to high.
function barred(interval, most, unit) {
  if (!interval) return "–";
  return [si(interval.best, unit), interval.high > interval.low ? html("span", { class: "interval" }, ` ${spread(interval, unit)}`) : null, bar(interval, most)];
}

function bar({ low, best, high }, most) {
  const at = (value) => `${most > 0 ? (100 * value) / most : 0}%`;
  return html("span", { class: "bar", "aria-hidden": "true" },
    html("i", { style: { width: at(best) } }), high > low ? html("b", { style: { left: at(low), width: at(high - low) } }) : null);
}

const most = (intervals) => intervals.reduce((found, interval) => Math.max(found, interval?.high ?? 0), 0);
const plain = (value) => ({ low: value, best: value, high: value });
