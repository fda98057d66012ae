"use strict";

// What can be taken from a figure: its picture, and its numbers as a table. The numbers come from beside
// the CSV, so the table says what the file says.

const Figures = (() => {
  const stem = () => Page.words.stem;

  function find(name, among = Page.views) {
    for (const view of among) {
      if (view.model.name === name && typeof view.export === "function") return view;
      const found = find(name, view.child_views ?? []);
      if (found != null) return found;
    }
    return null;
  }

  function save(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  async function takePicture(button) {
    const { picture, of, name } = button.dataset;
    const view = find(of);
    if (view == null) return;
    save(await Pictures.take(view, button.closest("section"), picture), `${stem()}-${name}.${picture}`);
  }

  const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 5, useGrouping: true });

  // Names come as text and stay as they are, whatever they look like; numbers come as numbers.
  const write = (cell) => (typeof cell === "number" ? number.format(cell).replace("-", "\u2212") : cell ?? "");

  function fillTable(holder, { columns, rows }, heading) {
    const table = document.createElement("table");
    table.createCaption().textContent = heading;
    const head = table.createTHead().insertRow();
    for (const column of columns) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = column;
      head.append(cell);
    }
    const lines = table.createTBody();
    for (const row of rows) {
      const line = lines.insertRow();
      row.forEach((value, place) => {
        const cell = document.createElement(place === 0 ? "th" : "td");
        if (place === 0) cell.scope = "row";
        cell.textContent = write(value);
        line.append(cell);
      });
    }
    holder.replaceChildren(table);
  }

  const address = (name, form) => `data/${name}.${form}?${Page.words.shown}`;

  async function showTable(details) {
    const holder = details.querySelector(".scroll");
    const wanted = address(details.dataset.table, "json");
    if (details.dataset.shows === wanted) return;
    details.dataset.shows = wanted;
    const response = await fetch(wanted);
    if (details.dataset.shows !== wanted) return;
    if (!response.ok) {
      holder.textContent = "The table cannot be had now; close and open it to try again.";
      delete details.dataset.shows;
      return;
    }
    const heading = document.getElementById(`${details.dataset.table}-heading`)?.textContent ?? "";
    fillTable(holder, await response.json(), heading);
    holder.setAttribute("aria-label", `Table: ${heading}`);
  }

  let timer = null;
  function update() {
    for (const link of document.querySelectorAll("[data-csv]")) link.href = address(link.dataset.csv, "csv");
    document.getElementById("whole").href = `./?${Page.words.shown}`.replace(/&embed=1/, "");
    clearTimeout(timer);
    timer = setTimeout(() => {
      for (const details of document.querySelectorAll("details.table[open]")) void showTable(details);
    }, 200);
  }

  function start() {
    for (const details of document.querySelectorAll("details.table")) {
      details.addEventListener("toggle", () => { if (details.open) void showTable(details); });
    }
    for (const button of document.querySelectorAll("[data-picture]")) {
      button.addEventListener("click", () => void takePicture(button));
    }
    update();
  }

  return { start, update, find };
})();
