"use strict";
const filters = document.querySelector(".filters");
const documents = [...document.querySelectorAll("details.document")];
const selects = [...filters.querySelectorAll("select")];
const [from, to] = [filters.querySelector("[data-from]"), filters.querySelector("[data-to]")];

function chosen(item) {
  const named = selects.every((select) => {
    if (!select.value) return true;
    const value = item.dataset[select.dataset.filter];
    return select.dataset.filter === "call" ? value.split(" ").includes(select.value) : value === select.value;
  });
  const score = item.dataset.score;
  const whole = Number(from.value) <= 0 && Number(to.value) >= 1;
  return named && (whole || (score !== "" && Number(score) >= Number(from.value) && Number(score) <= Number(to.value)));
}

function apply() {
  let shown = 0;
  for (const item of documents) {
    item.hidden = !chosen(item);
    if (!item.hidden) shown += 1;
  }
  filters.querySelector("output").textContent = `${shown} of ${documents.length} shown`;
}

filters.hidden = false;
filters.addEventListener("input", apply);

// Verdicts: what a person says of a document and of its lines, as JSON lines that `prox labels import` reads.
const section = document.querySelector("#documents");
const exporter = section.querySelector(".export");
const cycle = { clean: ["noise", "unsure"], noise: ["clean", "unsure"], part: ["noise", "clean", "unsure"] };

function field(item, name) {
  return item.querySelector(`[data-verdict=${name}]`);
}

function said(line) {
  return line.dataset.said || line.dataset.state;
}

function correct(item, line) {
  const states = [line.dataset.state, ...cycle[line.dataset.state]];
  const next = states[(states.indexOf(said(line)) + 1) % states.length];
  if (next === line.dataset.state) delete line.dataset.said;
  else line.dataset.said = next;
  field(item, "checked").checked = true;
}

function lineVerdict(line) {
  const verdict = { line: Number(line.dataset.line), verdict: said(line) };
  if (verdict.verdict === "part") verdict.spans = (line.dataset.spans?.split(" ") ?? []).map((span) => span.split("-").map(Number));
  return verdict;
}

function verdict(item) {
  const checked = field(item, "checked").checked;
  const lines = checked ? [...item.querySelectorAll(".before .line[data-line]")].map(lineVerdict) : null;
  const keep = { keep: true, drop: false }[field(item, "keep").value] ?? null;
  if (keep === null && lines === null) return null;
  const { shard, row, id, digest } = item.dataset;
  return { domain: section.dataset.domain, shard, row: Number(row), doc_id: id, digest, keep, lines, note: field(item, "note").value };
}

function verdicts() {
  return documents.map(verdict).filter((one) => one !== null);
}

function count() {
  const judged = verdicts().length;
  exporter.querySelector("button").disabled = judged === 0;
  exporter.querySelector("[data-judged]").textContent = `${judged} of ${documents.length} documents judged`;
}

function exportVerdicts() {
  const text = verdicts().map((one) => JSON.stringify(one) + "\n").join("");
  exporter.querySelector("details").hidden = false;
  exporter.querySelector("[data-exported]").textContent = text;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/jsonl" }));
  link.download = `verdicts-${section.dataset.domain}.jsonl`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

exporter.hidden = false;
for (const item of documents) {
  item.querySelector(".verdict").hidden = false;
  item.classList.add("judging");
  item.addEventListener("input", count);
  item.addEventListener("click", (event) => {
    const line = event.target.closest(".before .line[data-line]");
    if (line) { correct(item, line); count(); }
  });
}
exporter.querySelector("button").addEventListener("click", exportVerdicts);
