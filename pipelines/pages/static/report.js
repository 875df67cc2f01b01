"use strict";
// What a page can do beyond being read: filters, zoom, facts about blocks. All numbers come from the page itself.
(() => {
  const page = JSON.parse(document.getElementById("data").textContent);
  const { cells, headlines } = page;
  const { columns, values } = cells;
  const Z = 1.959963984540054;
  const NOTHING = "–";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // The same formulas and formats as pipelines/statistics.py and pipelines/pages/formats.py; a test holds them together.
  function wilson(successes, trials) {
    if (!trials) return null;
    const rate = successes / trials;
    const middle = successes + (Z * Z) / 2;
    const half = Z * Math.sqrt(successes * (1 - rate) + (Z * Z) / 4);
    return [
      successes ? (middle - half) / (trials + Z * Z) : 0,
      successes < trials ? (middle + half) / (trials + Z * Z) : 1,
    ];
  }
  function newcombe(successes, trials, otherSuccesses, otherTrials) {
    const one = wilson(successes, trials);
    const other = wilson(otherSuccesses, otherTrials);
    if (!one || !other) return null;
    const rate = successes / trials;
    const otherRate = otherSuccesses / otherTrials;
    return [
      rate - otherRate - Math.hypot(rate - one[0], other[1] - otherRate),
      rate - otherRate + Math.hypot(one[1] - rate, otherRate - other[0]),
    ];
  }
  const count = (value) => value.toLocaleString("en-US");
  const decimal = (value) => value.toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const percent = (share) => (share === null ? NOTHING : `${(share * 100).toFixed(1)}%`);
  const points = (difference) => {
    if (difference === null) return NOTHING;
    const tenths = Math.abs(difference * 100).toFixed(1);
    return tenths === "0.0" ? tenths : `${difference < 0 ? "−" : "+"}${tenths}`;
  };
  const range = (ends, format) => (ends ? `${format(ends[0])} to ${format(ends[1])}` : NOTHING);
  globalThis.seriesReport = { wilson, newcombe, percent, points };

  // Sums of the cells that the filters let through: by arm, and by cohort and arm.
  const MEASURES = ["entries", "customers", "measured_customers", "converted_customers", "converted_before_message"];
  if (columns.value) MEASURES.push("value");
  const empty = () => ({ ...Object.fromEntries(MEASURES.map((name) => [name, 0])), open: 0, converted_open: 0 });
  const both = () => ({ treatment: empty(), holdout: empty() });
  function sums(wanted) {
    const total = both();
    const cohorts = new Map();
    for (let row = 0; row < columns.arm.length; row += 1) {
      if (!wanted(row)) continue;
      const arm = values.arm[columns.arm[row]];
      const cohort = values.shown[columns.shown[row]];
      if (!cohorts.has(cohort)) cohorts.set(cohort, both());
      for (const part of [total[arm], cohorts.get(cohort)[arm]]) {
        for (const name of MEASURES) part[name] += columns[name][row];
        if (values.maturity[columns.maturity[row]] !== "censored") continue;
        part.open += columns.measured_customers[row];
        part.converted_open += columns.converted_customers[row];
      }
    }
    return { total, cohorts };
  }
  const rate = (part) => (part.measured_customers ? part.converted_customers / part.measured_customers : null);
  const interval = (part) => wilson(part.converted_customers, part.measured_customers);

  // How final a rate is, and who is not in it.
  function windows({ measured_customers: measured, converted_customers: converted, open, converted_open }) {
    if (!measured) return "";
    if (!open) return "final: every goal window is over";
    if (open === measured) return "so far: no goal window is over yet";
    return `so far; ${percent((converted - converted_open) / (measured - open))} of the ${count(measured - open)} whose goal window is over`;
  }
  const met = (customers) => (customers ? `${count(customers)} had met the goal already and are not measured` : "");

  const form = document.querySelector("form.filters");
  function chosen() {
    const data = new FormData(form);
    const text = (name) => data.get(name) || "";
    const place = (name) => (text(name) === "" ? null : Number(text(name)));
    const [breakdown, value] = text("breakdown") === "" ? [null, null] : JSON.parse(text("breakdown"));
    const version = text("version");
    return {
      version,
      versionAt: version === "" ? null : values.version.indexOf(Number(version)),
      from: text("from"),
      to: text("to"),
      rules: place("entry_rules"),
      maturity: place("maturity"),
      breakdown,
      value,
      tag: place("tag"),
    };
  }
  function filter(choice) {
    return (row) => {
      const day = values.cohort[columns.cohort[row]];
      return (
        columns.breakdown[row] === choice.breakdown &&
        columns.tag[row] === choice.tag &&
        (choice.breakdown === null || columns.breakdown_value[row] === choice.value) &&
        (choice.versionAt === null || columns.version[row] === choice.versionAt) &&
        (choice.rules === null || columns.entry_rules[row] === choice.rules) &&
        (choice.maturity === null || columns.maturity[row] === choice.maturity) &&
        (!choice.from || day >= choice.from) &&
        (!choice.to || day <= choice.to)
      );
    };
  }

  function put(root, texts) {
    for (const [name, text] of Object.entries(texts)) {
      for (const place of all(`[data-n="${name}"]`, root)) place.textContent = text;
    }
  }
  function showHeadlines({ treatment, holdout }) {
    const compared = treatment.measured_customers > 0 && holdout.measured_customers > 0;
    const ends = newcombe(
      treatment.converted_customers,
      treatment.measured_customers,
      holdout.converted_customers,
      holdout.measured_customers,
    );
    let verdict = "Nobody to compare yet";
    if (ends) verdict = ends[0] > 0 ? "More than chance" : ends[1] < 0 ? "Less than without the series" : "Could be chance";
    put(document.querySelector(".cards"), {
      entries: count(treatment.entries),
      customers: count(treatment.customers),
      "customers-noun": treatment.customers === 1 ? "customer" : "customers",
      held: count(holdout.customers),
      rate: percent(rate(treatment)),
      interval: range(interval(treatment), percent),
      converted: count(treatment.converted_customers),
      measured: count(treatment.measured_customers),
      early: count(treatment.converted_before_message),
      windows: windows(treatment),
      met: met(treatment.customers - treatment.measured_customers),
      difference: points(compared ? rate(treatment) - rate(holdout) : null),
      "difference-interval": range(ends, points),
      "holdout-rate": percent(rate(holdout)),
      "holdout-measured": count(holdout.measured_customers),
      verdict,
      value: decimal(treatment.value || 0),
    });
  }
  function showCohorts(cohorts) {
    const parts = all("tr[data-cohort]").map((row) => [row, cohorts.get(row.dataset.cohort)]);
    const most = Math.max(0, ...parts.map(([, part]) => (part && interval(part.treatment) ? interval(part.treatment)[1] : 0)));
    for (const [row, part] of parts) {
      row.hidden = !part;
      const { treatment, holdout } = part || both();
      const ends = interval(treatment);
      put(row, {
        entries: count(treatment.entries),
        converted: count(treatment.converted_customers),
        of: `of ${count(treatment.measured_customers)}`,
        rate: percent(rate(treatment)),
        interval: ends ? range(ends, percent) : "",
        holdout: percent(rate(holdout)),
        "holdout-of": `of ${count(holdout.measured_customers)}`,
      });
      const picture = row.querySelector(".whisker");
      picture.classList.toggle("blank", !ends);
      if (!ends) continue;
      const x = (share) => 4 + (112 * share) / (most || 1);
      const line = picture.querySelector(".interval");
      line.setAttribute("x1", x(ends[0]));
      line.setAttribute("x2", x(ends[1]));
      picture.querySelector("circle").setAttribute("cx", x(rate(treatment)));
    }
  }

  // The parts that depend on the version are in the page, one finished copy for each.
  const original = new Map(all("[data-slot]").map((slot) => [slot.dataset.slot, slot.cloneNode(true)]));
  let shownVersion = "";
  function showVersion(version) {
    if (version === shownVersion) return;
    shownVersion = version;
    const template = version && document.querySelector(`template[data-version="${version}"]`);
    for (const slot of all("main [data-slot]")) {
      const name = slot.dataset.slot;
      const source = template ? template.content.querySelector(`[data-slot="${name}"]`) : original.get(name);
      slot.replaceWith(source.cloneNode(true));
    }
    for (const place of all("[data-v]")) place.textContent = headlines[version][place.dataset.v];
    prepareGraph();
  }

  function apply() {
    const choice = chosen();
    showVersion(choice.version);
    const { total, cohorts } = sums(filter(choice));
    showHeadlines(total);
    showCohorts(cohorts);
    const narrowed = choice.from || choice.to || [choice.rules, choice.maturity, choice.breakdown, choice.tag].some((each) => each !== null);
    document.documentElement.classList.toggle("narrowed", Boolean(narrowed));
    document.documentElement.classList.toggle("filtered", Boolean(narrowed || choice.version));
    const whole = sums((row) => columns.breakdown[row] === null && columns.tag[row] === null).total;
    form.querySelector(".shown").textContent =
      `${count(total.treatment.entries + total.holdout.entries)} of ` +
      `${count(whole.treatment.entries + whole.holdout.entries)} entries`;
  }

  function prepareFilters() {
    const days = values.cohort;
    if (!days.length) return;
    for (const name of ["from", "to"]) {
      form.elements[name].min = days[0];
      form.elements[name].max = days[days.length - 1];
    }
    const seen = new Map();
    columns.breakdown.forEach((breakdown, row) => {
      if (breakdown === null) return;
      const value = columns.breakdown_value[row];
      const unknown = cells.gathered ? "unknown or other" : "unknown";
      const label = `${values.breakdown[breakdown]} = ${value === null ? unknown : values.breakdown_value[value]}`;
      seen.set(label, JSON.stringify([breakdown, value]));
    });
    for (const label of [...seen.keys()].sort()) form.elements.breakdown.add(new Option(label.slice(0, 80), seen.get(label)));
    form.querySelector(".breakdown").hidden = !seen.size;
    form.hidden = false;
    // The cells tell breakdowns apart, or tags, but not one within the other: what was chosen last counts.
    form.addEventListener("input", ({ target }) => {
      const other = { tag: "breakdown", breakdown: "tag" }[target.name];
      if (other && target.value !== "" && form.elements[other]) form.elements[other].value = "";
      apply();
    });
    form.addEventListener("reset", () => setTimeout(apply));
    form.addEventListener("submit", (event) => event.preventDefault());
    apply();
  }

  // Zoom is a part of the picture: x, y, width and height in its own pixels.
  const stage = document.querySelector(".stage");
  const facts = document.querySelector(".facts");
  let part = null;
  const graph = () => stage.querySelector("svg.graph");
  const size = () => [Number(graph().dataset.width), Number(graph().dataset.height)];
  const whole = () => {
    const [fullWidth, fullHeight] = size();
    const box = graph().getBoundingClientRect();
    return [Math.max(fullWidth, (fullHeight * box.width) / box.height), box.height / box.width];
  };
  const within = (at, shown, full) => (shown >= full ? (full - shown) / 2 : Math.min(Math.max(at, 0), full - shown));
  function look(x, y, width) {
    const [fullWidth, fullHeight] = size();
    const [widest, shape] = whole();
    const wide = Math.min(Math.max(width, 160), widest);
    part = [within(x, wide, fullWidth), within(y, wide * shape, fullHeight), wide, wide * shape];
    graph().setAttribute("viewBox", part.join(" "));
    graph().classList.toggle("zoomed", wide < widest);
    hideFacts();
  }
  function zoom(factor, clientX, clientY) {
    const box = graph().getBoundingClientRect();
    const [x, y, width, height] = part;
    const across = clientX === undefined ? 0.5 : (clientX - box.left) / box.width;
    const along = clientY === undefined ? 0.5 : (clientY - box.top) / box.height;
    look(x + across * width * (1 - factor), y + along * height * (1 - factor), width * factor);
  }
  const fit = () => look(0, 0, whole()[0]);
  // What would be too small to read begins at its first block; a screen too narrow for the picture shows that block.
  function begin() {
    const first = graph().querySelector(".block");
    const legible = graph().getBoundingClientRect().width / 0.7;
    if (whole()[0] < legible * 1.5) fit();
    else look(first.transform.baseVal.consolidate().matrix.e + 106 - legible / 2, 0, legible);
    const view = graph().closest(".view");
    const [block, around] = [first.getBoundingClientRect(), view.getBoundingClientRect()];
    view.scrollLeft += block.left + block.width / 2 - around.left - around.width / 2;
  }

  function showFacts(block) {
    const [title, ...lines] = block.getAttribute("aria-label").split("\n");
    const heading = document.createElement("b");
    heading.textContent = title;
    const list = document.createElement("dl");
    for (const line of lines) {
      const at = line.indexOf(": ");
      const term = document.createElement("dt");
      const value = document.createElement("dd");
      term.textContent = line.slice(0, at);
      value.textContent = line.slice(at + 2);
      list.append(term, value);
    }
    facts.replaceChildren(heading, list);
    facts.hidden = false;
    const box = block.getBoundingClientRect();
    const around = stage.getBoundingClientRect();
    const left = Math.min(Math.max(box.left - around.left, 0), Math.max(0, around.width - facts.offsetWidth));
    const below = box.bottom - around.top + 8;
    facts.style.left = `${left}px`;
    facts.style.top = `${below + facts.offsetHeight > around.height ? Math.max(0, box.top - around.top - facts.offsetHeight - 8) : below}px`;
  }
  const hideFacts = () => { facts.hidden = true; };

  function prepareGraph() {
    hideFacts();
    if (!graph()) return;
    for (const block of all(".block", graph())) {
      const title = block.querySelector("title");
      block.setAttribute("aria-label", title.textContent);
      title.remove();
      for (const name of ["pointerenter", "focus"]) block.addEventListener(name, () => showFacts(block));
      for (const name of ["pointerleave", "blur"]) block.addEventListener(name, hideFacts);
    }
    document.querySelector(".tools").hidden = false;
    begin();
  }
  const ACTIONS = { in: () => zoom(0.7), out: () => zoom(1 / 0.7), fit };
  const KEYS = { "+": ACTIONS.in, "=": ACTIONS.in, "-": ACTIONS.out, 0: fit };
  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  for (const button of all("[data-zoom]")) button.addEventListener("click", () => ACTIONS[button.dataset.zoom]());
  stage.addEventListener("keydown", (event) => {
    if (!graph() || event.ctrlKey || event.metaKey || event.altKey) return;
    const move = MOVES[event.key];
    if (event.key === "Escape") hideFacts();
    else if (KEYS[event.key]) KEYS[event.key]();
    else if (move && graph().classList.contains("zoomed")) look(part[0] + move[0] * 60, part[1] + move[1] * 60, part[2]);
    else return;
    event.preventDefault();
  });
  stage.addEventListener("wheel", (event) => {
    if (!graph() || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.15 : 1 / 1.15, event.clientX, event.clientY);
  }, { passive: false });
  let held = null;
  stage.addEventListener("pointerdown", (event) => {
    if (graph() && graph().classList.contains("zoomed") && event.button === 0) held = [event.clientX, event.clientY, ...part];
  });
  globalThis.addEventListener("pointermove", (event) => {
    if (!held) return;
    const scale = part[2] / graph().getBoundingClientRect().width;
    look(held[2] - (event.clientX - held[0]) * scale, held[3] - (event.clientY - held[1]) * scale, part[2]);
  });
  for (const name of ["pointerup", "pointercancel"]) globalThis.addEventListener(name, () => { held = null; });
  // A block that is reached by the keyboard comes into view.
  stage.addEventListener("focusin", (event) => {
    const block = event.target.closest(".block");
    if (!block || !graph().classList.contains("zoomed")) return;
    const at = block.transform.baseVal.consolidate().matrix;
    if (at.e < part[0] || at.f < part[1] || at.e + 212 > part[0] + part[2] || at.f + 58 > part[1] + part[3]) {
      look(at.e + 106 - part[2] / 2, at.f + 29 - part[3] / 2, part[2]);
      showFacts(block);
    }
  });

  prepareGraph();
  prepareFilters();
  // On paper nothing hides behind a click, and the whole way is there.
  globalThis.addEventListener("beforeprint", () => { if (graph()) fit(); });
})();
