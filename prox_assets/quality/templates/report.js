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
