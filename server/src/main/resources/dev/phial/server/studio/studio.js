"use strict";

// What the page knows, and how it asks the server.

const page = {
  token: document.querySelector("meta[name=phial-token]").content,
  key: sessionStorage.getItem("phial-key") || "",
  state: { models: [], jobs: [] },
  plan: null,
  planOf: "",
  chosen: new Set(),
};

const $ = (id) => document.getElementById(id);

/** An element; what comes from outside becomes text and never markup. */
function element(tag, properties, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

let saying = 0;

/** Says something; what is not bad goes away by itself. */
function say(text, isBad) {
  clearTimeout(saying);
  if (text && !isBad) saying = setTimeout(() => say(""), 5000);
  $("status").textContent = text;
  $("status").classList.toggle("bad", Boolean(isBad));
}

function headers(more) {
  return { ...more, ...(page.key ? { Authorization: "Bearer " + page.key } : {}) };
}

/** Asks, and gives the answer or throws what is wrong. */
async function ask(path, body) {
  const response = await fetch(path, body === undefined
    ? { headers: headers({}) }
    : { method: "POST", body: JSON.stringify(body),
        headers: headers({ "Content-Type": "application/json", "X-Phial-Token": page.token }) });
  if (response.status === 401) {
    $("key-form").hidden = false;
  }
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error.message);
  return answer;
}

/** Does something for the user, and says if it fails. */
async function attempt(action) {
  try {
    say("");
    await action();
  } catch (e) {
    say(e.message, true);
  }
}

const bytes = (count) => {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (count >= 1000 && unit < units.length - 1) { count /= 1000; unit++; }
  return (unit === 0 ? count : count.toFixed(2)) + " " + units[unit];
};

const seconds = (count) => count < 90 ? Math.ceil(count) + " s" : Math.ceil(count / 60) + " min";

const number = (value) => value === 0 ? "0" : Math.abs(value) < 0.001 ? value.toExponential(2) : value.toPrecision(3);

/** Options of a list, as far as they changed; what is chosen stays. */
function fill(select, options) {
  const wanted = JSON.stringify(options);
  if (select.dataset.options === wanted) return;
  const before = select.value;
  select.replaceChildren(...options.map(([value, text]) => element("option", { value }, text)));
  select.dataset.options = wanted;
  if (options.some(([value]) => value === before)) select.value = before;
}

// The state of the server, again and again.

let timer = 0;

async function refresh() {
  clearTimeout(timer);
  let busy = false;
  try {
    page.state = await ask("/studio/state");
    $("key-form").hidden = true;
    busy = page.state.jobs.some((job) => job.state === "running" || job.state === "queued");
    show();
  } catch (e) {
    say(e.message, true);
  }
  timer = setTimeout(refresh, busy ? 500 : 4000);
}

function show() {
  const sources = page.state.models.filter((model) => model.source);
  fill($("model"), sources.map((model) => [model.name, model.name]));
  fill($("device"), [["", "any device"], ...page.state.devices.map((device) => [device.name, device.title])]);
  $("no-folder").hidden = page.state.can_make;
  for (const id of ["convert", "measure"]) $(id).disabled = !page.state.can_make;
  const talkers = [["", "nobody"], ...page.state.models.map((model) =>
    [model.name, model.name + (model.loaded ? "" : " (to be loaded)")])];
  for (const id of ["first", "second"]) {
    const isNew = !$(id).dataset.options;
    fill($(id), talkers);
    const loaded = page.state.models.filter((model) => model.loaded);
    if (isNew && id === "first" && loaded.length) $(id).value = loaded[0].name;
    if (isNew && id === "second" && loaded.length > 1) $(id).value = loaded[1].name;
  }
  showJobs();
  showLibrary();
  showPoints();
  if ($("model").value && $("model").value !== page.planOf) plan();
}

// What could be made.

async function plan() {
  const model = $("model").value;
  page.planOf = model;
  page.chosen.clear();
  $("advice").textContent = "";
  $("about").textContent = "looking…";
  try {
    const device = $("device").value;
    page.plan = await ask("/studio/plan", { model, ...(device ? { device } : {}) });
  } catch (e) {
    page.plan = null;
    $("about").textContent = e.message;
    $("choices").replaceChildren();
    return;
  }
  const source = page.state.models.find((each) => each.name === model);
  $("about").textContent = `${page.plan.family}, ${(page.plan.parameters / 1e6).toFixed(0)} million parameters, `
    + `${page.plan.kind}, ${bytes(source ? source.bytes : 0)}; memory for ${page.plan.context} tokens`;
  const targets = [...new Set(page.plan.choices.map((choice) => choice.name.split(":")[0]))];
  fill($("target"), [["", "any runtime"], ...targets.map((name) => [name, name])]);
  const best = page.plan.recommended;
  if (best) {
    $("advice").textContent = `Recommended: ${best.name} for ${best.runtime}: ${best.reason}.`;
    page.chosen.add(best.name);
  } else if ($("device").value) {
    $("advice").textContent = "Nothing usual fits this device; a smaller model takes less.";
  }
  showChoices();
  showPoints();
}

function showChoices() {
  if (!page.plan) return;
  const most = Number($("most").value) * 1e6;
  const target = $("target").value;
  const losses = new Map(points().map((point) => [point.name, point]));
  const rows = page.plan.choices
    .filter((choice) => !target || choice.name.split(":")[0] === target)
    .filter((choice) => choice.bytes ? !most || choice.bytes <= most : $("impossible").checked)
    .sort((a, b) => most ? (b.bytes || 0) - (a.bytes || 0) : 0)
    .map((choice) => {
      const loss = losses.get(choice.name);
      if (!choice.bytes) {
        return element("tr", {}, element("td"), element("td", {}, choice.name),
          element("td", { colSpan: 5, className: "why" }, choice.obstacle));
      }
      const box = element("input", { type: "checkbox", checked: page.chosen.has(choice.name),
        "aria-label": "Choose " + choice.name,
        onchange: (event) => event.target.checked ? page.chosen.add(choice.name) : page.chosen.delete(choice.name) });
      return element("tr", {}, element("td", {}, box), element("td", {}, choice.name),
        element("td", {}, bytes(choice.bytes)), element("td", {}, choice.bits_per_weight.toFixed(2)),
        element("td", {}, bytes(choice.memory_bytes)),
        element("td", {}, choice.tokens_per_second ? number(choice.tokens_per_second) : "–"), element("td", {}, loss ? number(loss.kld_mean) : "–"));
    });
  $("choices").replaceChildren(...rows);
}

async function start(kind) {
  const targets = [...page.chosen];
  if (!targets.length) throw new Error("Choose at least one type in the table first.");
  await ask("/studio/jobs", { kind, model: page.planOf, targets, chunks: Number($("chunks").value) || 4 });
  say(`${kind === "convert" ? "Converting" : "Measuring"} ${page.planOf}: ${targets.join(", ")}`);
  await refresh();
}

// What was measured.

/** The newest result of each type of the model that is chosen. */
function points() {
  const found = new Map();
  for (const job of page.state.jobs) { // the newest first
    if (job.kind !== "measure" || job.model !== page.planOf) continue;
    for (const result of job.results) if (!found.has(result.name)) found.set(result.name, result);
  }
  return [...found.values()].sort((a, b) => a.bytes - b.bytes);
}

let plot = null;
let plotted = "";

function showPoints() {
  const all = points();
  const now = JSON.stringify([page.planOf, all]);
  if (now === plotted) return;
  plotted = now;
  $("points").replaceChildren(...all.map((point) => {
    const row = element("tr", {}, element("td", {}, point.name), element("td", {}, bytes(point.bytes)),
      element("td", {}, number(point.kld_mean)), element("td", {}, (100 * point.top1).toFixed(1) + " %"),
      element("td", {}, `${point.ppl.toFixed(2)} (${point.reference_ppl.toFixed(2)})`));
    row.dataset.name = point.name;
    return row;
  }));
  draw(all);
  showChoices();
}

/** Those that nothing of their size or smaller beats. */
function front(all) {
  let best = Infinity;
  return all.map((point) => {
    const isBest = point.kld_mean < best;
    if (isBest) best = point.kld_mean;
    return isBest;
  });
}

function draw(all) {
  if (plot) plot.destroy();
  plot = null;
  $("plot").replaceChildren();
  if (!all.length) {
    $("plot").append(element("p", { className: "quiet" }, "Nothing is measured of this model yet."));
    delete $("plot").dataset.points;
    return;
  }
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  const losses = all.map((point) => Math.max(point.kld_mean, 1e-9)); // the axis is logarithmic
  const isFront = front(all);
  const targets = [...new Set(all.map((point) => point.name.split(":")[0]))];
  const series = targets.map((target, i) => ({
    label: target, stroke: color("--c" + i % 8), paths: () => null,
    points: { show: true, size: 10, fill: color("--c" + i % 8) },
  }));
  const axis = (label, format) => ({ label, stroke: color("--ink"), grid: { stroke: color("--line"), width: 1 },
    ticks: { stroke: color("--line") }, values: (u, values) => values.map(format) });
  const labels = (u) => {
    u.ctx.save();
    u.ctx.fillStyle = color("--ink");
    u.ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
    u.ctx.textAlign = "left";
    u.ctx.textBaseline = "alphabetic";
    const taken = [];
    all.forEach((point, i) => {
      const name = point.name.split(":")[1];
      const width = u.ctx.measureText(name).width;
      const left = Math.min(u.valToPos(point.bytes / 1e6, "x", true) + 8 * devicePixelRatio, u.bbox.left + u.bbox.width - width);
      let top = u.valToPos(losses[i], "y", true) - 8 * devicePixelRatio;
      const height = 14 * devicePixelRatio;
      while (taken.some((box) => Math.abs(box.top - top) < height && left < box.left + box.width && box.left < left + width)) top -= height;
      taken.push({ left, top, width });
      u.ctx.fillText(name, left, Math.max(u.bbox.top + height, top));
    });
    u.ctx.restore();
  };
  plot = new uPlot({
    width: Math.max(280, $("plot").clientWidth), height: 320, legend: { show: targets.length > 1, live: false },
    cursor: { drag: { x: false, y: false } },
    scales: {
      x: { time: false, range: (u, low, high) => low === high ? [low * 0.8, high * 1.2] : [low - (high - low) * 0.08, high + (high - low) * 0.12] },
      y: { distr: 3, range: (u, low, high) => [low / 2, high * 2] },
    },
    axes: [axis("MB", (value) => value), { ...axis("mean KL", (value) => value === null ? "" : number(value)), size: 64 }],
    series: [{}, { label: "best of its size", stroke: color("--quiet"), width: 1, spanGaps: true, points: { show: false } }, ...series],
    hooks: { draw: [labels] },
  }, [
    all.map((point) => point.bytes / 1e6),
    losses.map((loss, i) => isFront[i] ? loss : null),
    ...targets.map((target) => losses.map((loss, i) => all[i].name.split(":")[0] === target ? loss : null)),
  ], $("plot"));
  // what is drawn, for who cannot see it
  $("plot").dataset.points = JSON.stringify(all.map((point, i) =>
    ({ name: point.name, x: plot.data[0][i], y: losses[i], front: plot.data[1][i] !== null })));
}

// Jobs.

const jobRows = new Map();

function showJobs() {
  $("no-jobs").hidden = page.state.jobs.length > 0;
  const rows = page.state.jobs.map((job) => {
    let row = jobRows.get(job.id);
    if (!row) {
      const title = `${job.kind === "convert" ? "Convert" : "Measure"} ${job.model}: ${job.targets.join(", ")}`;
      row = { state: element("span"), bar: element("progress", { max: 1, "aria-label": "Progress of: " + title }),
        note: element("span", { className: "quiet" }),
        cancel: element("button", { type: "button", className: "small", "aria-label": "Cancel: " + title,
          onclick: () => attempt(async () => { await ask("/studio/cancel", { id: job.id }); await refresh(); }) }, "Cancel") };
      row.item = element("li", {}, element("span", {}, title), row.state, row.bar, row.cancel, row.note);
      row.item.dataset.id = job.id;
      jobRows.set(job.id, row);
    }
    const isOver = job.state !== "running" && job.state !== "queued";
    row.item.dataset.state = job.state;
    row.state.textContent = job.state === "running" && job.progress !== undefined
      ? `${Math.floor(100 * job.progress)} %${job.seconds_left === undefined ? "" : ", " + seconds(job.seconds_left) + " left"}`
      : job.state;
    row.state.className = job.state === "failed" || job.state === "interrupted" ? "bad-state" : "";
    row.bar.hidden = isOver;
    row.cancel.hidden = isOver;
    if (job.progress === undefined) row.bar.removeAttribute("value");
    else row.bar.value = job.progress;
    row.note.textContent = [job.message, ...job.notes].filter((text) => text).join("; ");
    return row.item;
  });
  if (rows.some((row, i) => $("jobs").children[i] !== row) || $("jobs").children.length !== rows.length) {
    $("jobs").replaceChildren(...rows);
  }
}

let listed = "";

function showLibrary() {
  const now = JSON.stringify(page.state.models);
  if (now === listed) return;
  listed = now;
  $("library").replaceChildren(...page.state.models.map((model) => {
    const unload = element("button", { type: "button", className: "small", "aria-label": "Unload " + model.name,
      onclick: () => attempt(async () => { await ask("/studio/unload", { model: model.name }); await refresh(); }) }, "Unload");
    const download = element("button", { type: "button", className: "small", "aria-label": "Download " + model.name,
      onclick: () => attempt(async () => { location.href = (await ask("/studio/ticket", { model: model.name })).url; }) }, "Download");
    const item = element("li", {}, element("span", {}, model.name),
      element("span", { className: "quiet" }, (model.source ? bytes(model.bytes) : "") + (model.loaded ? " loaded" : "")),
      model.source ? download : null, model.can_unload ? unload : null);
    item.dataset.name = model.name;
    return item;
  }));
}

for (const id of ["model", "device"]) $(id).addEventListener("change", () => plan());
for (const id of ["target", "most", "impossible"]) $(id).addEventListener("input", showChoices);
$("convert").addEventListener("click", () => attempt(() => start("convert")));
$("measure").addEventListener("click", () => attempt(() => start("measure")));
$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  page.key = $("key").value;
  sessionStorage.setItem("phial-key", page.key);
  say("");
  refresh();
});
const redraw = () => { plotted = ""; showPoints(); };
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
let width = innerWidth;
addEventListener("resize", () => {
  if (width !== innerWidth) { width = innerWidth; redraw(); }
});
refresh();
