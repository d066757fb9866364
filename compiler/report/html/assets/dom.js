// Elements made from text alone: what comes from a result is never read as markup.
function made(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name === "style") Object.entries(value).forEach(([property, set]) => element.style.setProperty(property, set));
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const html = (name, attributes, ...children) => made(document.createElement(name), attributes, children);
const svg = (name, attributes, ...children) => made(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
const say = (text) => { document.getElementById("said").textContent = text; };
const badge = (grade) => html("span", { class: `grade ${grade}` }, html("span", { class: "dots", "aria-hidden": "true" }), grade);
const facts = (pairs) =>
  html("dl", { class: "about" }, pairs.filter(([, value]) => value !== null).map(([name, value]) => html("div", {}, html("dt", {}, name), html("dd", {}, value))));

// A mark of 14 by 14 around its middle, by the number of its target.
const SHAPES = [
  "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0z",
  "M-5.5-5.5h11v11h-11z",
  "M0-7L6.5 5h-13z",
  "M0-7.5L7.5 0L0 7.5L-7.5 0z",
  "M0 7L6.5-5h-13z",
  "M-2.5-7h5v4.5H7v5H2.5V7h-5V2.5H-7v-5h4.5z",
  "M0-7.5L2-2.4L7.3-2.3L3.1 1.1L4.6 6.3L0 3.2L-4.6 6.3L-3.1 1.1L-7.3-2.3L-2-2.4z",
  "M-3-6.5h6L6.5-3v6L3 6.5h-6L-6.5 3v-6z",
];
const shape = (target) => SHAPES[(target + Math.floor(target / SHAPES.length)) % SHAPES.length];
const colour = (target) => `var(--c${target % 8})`;
const mark = (target) =>
  svg("svg", { width: 16, height: 16, viewBox: "-8 -8 16 16", "aria-hidden": "true" }, svg("path", { d: shape(target), style: { fill: colour(target) } }));
