// Numbers in words, as the tables of the page have them.
const PREFIXES = { "-15": "f", "-12": "p", "-9": "n", "-6": "µ", "-3": "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T" };

function si(value, unit, digits = 3) {
  if (value === 0) return `0\u00a0${unit}`;
  let power = Math.min(12, Math.max(-15, 3 * Math.floor(Math.log10(Math.abs(value)) / 3)));
  if (Number((value / 10 ** power).toPrecision(digits)) >= 1000 && power < 12) power += 3;
  return `${Number((value / 10 ** power).toPrecision(digits))}\u00a0${PREFIXES[power]}${unit}`;
}

const spread = (interval, unit) => `${si(interval.low, unit)} – ${si(interval.high, unit)}`;
const short = (value) => (value === 0 ? "0" : value >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3))));
const percent = (value, digits = 1) => `${(100 * value).toFixed(digits)}\u00a0%`;
const share = (value) => (value >= 0.005 ? percent(value, 0) : "<\u00a01\u00a0%");
const scoreText = (group, value) => (value === null ? "–" : group.share ? percent(value) : String(Number(value.toPrecision(4))));
const energyText = (point) =>
  point.energy === null ? "no price" : `${point.cost.missing.length ? "at least " : ""}${si(point.energy.best, "J")}`;
