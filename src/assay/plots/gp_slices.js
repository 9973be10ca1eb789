// Slices of a Gaussian process, computed where they are looked at: no server, and any number of parameters.

const assayProfiles = {
  matern12: (s) => Math.exp(-Math.sqrt(s)),
  matern32: (s) => { const r = Math.sqrt(3 * s); return (1 + r) * Math.exp(-r); },
  matern52: (s) => { const r = Math.sqrt(5 * s); return (1 + r + (5 / 3) * s) * Math.exp(-r); },
  squared_exponential: (s) => Math.exp(-0.5 * s),
};

// T^-1 of each output warping, as surrogates/warping.py has them.
const assayClipped = (w) => Math.min(Math.max(w, -300), 300);
const assayUnwarped = {
  identity: (w) => w,
  sinh: (w, [centre, logWidth]) => centre + Math.exp(logWidth) * Math.sinh(assayClipped(w)),
  log: (w, [logFloor]) => Math.exp(assayClipped(w)) - Math.exp(logFloor),
};

// Little-endian doubles from base64.
function assayNumbers(text) {
  return new Float64Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}

// Latent mean and variance of one process: mean = k(x)' alpha, variance = signal (1 + b^2 - |D k(x)|^2).
function assayMember(member, point) {
  const profile = assayProfiles[member.profile], rows = member.points.length, cross = new Float64Array(rows);
  member.numbers ??= assayNumbers(member.directions);
  const directions = member.numbers, count = directions.length / rows;
  let mean = 0, variance = 1 + member.trend;
  for (let i = 0; i < rows; i++) {
    let s = 0;
    for (let d = 0; d < point.length; d++) {
      const apart = point[d] - member.points[i][d];
      s += member.weights[d] * (member.labels[d] ? (apart === 0 ? 0 : 1) : apart * apart);
    }
    cross[i] = profile(s) + member.trend;
    mean += cross[i] * member.alpha[i];
  }
  for (let r = 0; r < count; r++) {
    let part = 0;
    for (let i = 0, at = r * rows; i < rows; i++, at++) part += directions[at] * cross[i];
    variance -= part * part;
  }
  return [mean, Math.max(variance, 0) * member.signal];
}

// Mean, standard deviation and central 95 % at points in unit coordinates: those of the Gaussian with the mean and the variance
// of the weighted processes; a warped response is integrated as surrogates/quadrature.py does.
function assayPosterior(model, points) {
  const { name, parameters } = model.warping;
  const own = (latent) => model.outer[0] +
    model.outer[1] * assayUnwarped[name](model.inner[0] + model.inner[1] * latent, parameters);
  const found = { mean: [], deviation: [], low: [], high: [] };
  for (const point of points) {
    const parts = model.members.map((member) => assayMember(member, point));
    const average = (of) => parts.reduce((sum, part, i) => sum + model.members[i].share * of(part), 0);
    const centre = average(([latent]) => latent);
    const width = Math.sqrt(average(([latent, variance]) => variance + (latent - centre) ** 2));
    const values = model.nodes.map((node) => own(centre + width * node));
    const expected = (of) => values.reduce((sum, value, i) => sum + model.nodeWeights[i] * of(value), 0);
    const mean = expected((value) => value);
    found.mean.push(mean);
    found.deviation.push(Math.sqrt(expected((value) => (value - mean) ** 2)));
    found.low.push(own(centre - 1.959963984540054 * width));
    found.high.push(own(centre + 1.959963984540054 * width));
  }
  return found;
}

// The points of a plane: all axes at their fixed place but one or two.
function assayPlane(axes, places, across, up) {
  const fixed = axes.map((axis, d) => axis.unit[places[d]]);
  const rows = up === null ? [null] : axes[up].unit;
  const points = [];
  for (const y of rows) for (const x of axes[across].unit) {
    const point = fixed.slice();
    point[across] = x;
    if (y !== null) point[up] = y;
    points.push(point);
  }
  return points;
}

function assayGrid(values, width) {
  const rows = [];
  for (let start = 0; start < values.length; start += width) rows.push(values.slice(start, start + width));
  return rows;
}

// The samples that lie within `width` of the plane along every other axis, in unit coordinates.
function assayNear(data, places, shown, width) {
  return data.samples.filter((sample) => data.axes.every((axis, d) =>
    shown.includes(d) || (axis.labels ? sample.unit[d] === axis.unit[places[d]] || width >= 1
      : Math.abs(sample.unit[d] - axis.unit[places[d]]) <= width)));
}

// What each trace of the figure shows for these places.
function assayTraces(data, places, width) {
  const planes = {};
  const plane = (across, up) => {
    const key = `${across},${up}`;
    planes[key] ??= assayPosterior(data.model, assayPlane(data.axes, places, across, up));
    return planes[key];
  };
  return data.traces.map((trace) => {
    const { kind, across, up } = trace;
    if (kind === "line samples") {
      const near = assayNear(data, places, [across], width);
      return { x: near.map((sample) => sample.natural[across]), y: near.map((sample) => sample.value) };
    }
    if (kind === "samples") {
      const near = assayNear(data, places, [across, up], width);
      return { x: near.map((sample) => sample.natural[across]), y: near.map((sample) => sample.natural[up]) };
    }
    const known = plane(across, up);
    if (up === null) return { y: known[kind === "middle" ? "mean" : kind] };
    return { z: assayGrid(known[kind], data.axes[across].unit.length) };
  });
}

function assaySlices(figure, data) {
  const places = data.axes.map((axis) => axis.start);
  let width = 1;
  const panel = document.createElement("div");
  panel.style.cssText = "font: 13px sans-serif; margin: 8px 60px; display: grid; gap: 4px 16px; " +
    "grid-template-columns: max-content minmax(160px, 420px) max-content";
  const draw = () => {
    const traces = assayTraces(data, places, width);
    for (const key of ["x", "y", "z"]) {
      const chosen = traces.map((trace, i) => (key in trace ? i : -1)).filter((i) => i >= 0);
      if (chosen.length) Plotly.restyle(figure, { [key]: chosen.map((i) => traces[i][key]) }, chosen);
    }
  };
  const add = (label, count, start, text, change) => {
    const name = document.createElement("label"), input = document.createElement("input");
    const shown = document.createElement("span");
    name.textContent = label;
    Object.assign(input, { type: "range", min: 0, max: count - 1, step: 1, value: start });
    shown.textContent = text(start);
    input.oninput = () => { shown.textContent = text(+input.value); change(+input.value); draw(); };
    panel.append(name, input, shown);
  };
  data.axes.forEach((axis, d) => {
    const text = (i) => (axis.labels ? axis.natural[i] : Number(axis.natural[i]).toPrecision(4));
    add(axis.name, axis.unit.length, axis.start, text, (i) => { places[d] = i; });
  });
  add("samples within", 41, 40, (i) => `${(i / 40).toFixed(3)} of the range`, (i) => { width = i / 40; });
  figure.after(panel);
}
