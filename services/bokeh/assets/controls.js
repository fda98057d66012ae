"use strict";

// The controls that are the page's own. Each asks the server with part of a query string, and writes it
// to the address at once, so that a page that is just then moved to another replica keeps it.

const Controls = (() => {
  let bokehDocument = null;
  let count = 0;

  function ask(parts) {
    const query = new URLSearchParams(location.search);
    for (const key of Object.keys(parts)) query.delete(key);
    const wish = new URLSearchParams();
    for (const [key, value] of Object.entries(parts)) {
      for (const one of [value].flat()) {
        wish.append(key, one);
        if (one !== "") query.append(key, one);
      }
    }
    history.replaceState(null, "", `${location.pathname}?${query}${location.hash}`);
    const model = bokehDocument?.get_model_by_name("wish");
    // Two equal wishes in a row are two wishes.
    count += 1;
    if (model != null) model.data = { query: [`${wish}&wish=${count}`] };
    if ("compare" in parts) showCompared();
  }

  const units = () => bokehDocument?.get_model_by_name("unit")?.options ?? [];
  // From the address, which is ahead of the words until the server has answered.
  const asked = () => new URLSearchParams(location.search);
  const compared = () => {
    const labels = new Map(units());
    return asked().getAll("compare").filter((id) => labels.has(id)).map((id) => [id, labels.get(id)]);
  };

  function showCompared() {
    const chosen = compared();
    const select = document.getElementById("compare");
    const taken = new Set([bokehDocument.get_model_by_name("unit")?.value, ...chosen.map(([id]) => id)]);
    const options = units().filter(([id]) => !taken.has(id)).map(([id, label]) => new Option(label, id));
    select.replaceChildren(select.options[0], ...options);
    select.value = "";
    select.disabled = chosen.length >= 3;
    document.getElementById("compared").replaceChildren(...chosen.map(([id, label], place) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.className = `compared-${place}`;
      button.textContent = label;
      button.setAttribute("aria-label", `Do not compare with ${label}`);
      button.addEventListener("click", () => {
        ask({ compare: [chosen.map(([other]) => other).filter((other) => other !== id), ""].flat() });
        select.focus();
      });
      item.append(button);
      return item;
    }));
  }

  function openTab(tab, focus) {
    for (const button of document.querySelectorAll("[data-tab]")) {
      const chosen = button.dataset.tab === tab;
      button.setAttribute("aria-selected", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
      document.getElementById(`tab-${button.dataset.tab}`).hidden = !chosen;
      if (chosen && focus) button.focus();
    }
  }

  function listenToTabs() {
    const buttons = [...document.querySelectorAll("[data-tab]")];
    const choose = (button) => {
      openTab(button.dataset.tab, true);
      ask({ tab: button.dataset.tab });
    };
    buttons.forEach((button, place) => {
      button.addEventListener("click", () => choose(button));
      button.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1, Home: -place, End: buttons.length - 1 - place }[event.key];
        if (step === undefined) return;
        event.preventDefault();
        choose(buttons[(place + step + buttons.length) % buttons.length]);
      });
    });
  }

  function listen() {
    const at = (id) => document.getElementById(id);
    for (const group of document.querySelectorAll("[data-choice]")) {
      group.addEventListener("change", (event) => {
        const { choice } = group.dataset;
        if (choice === "theme") Theme.choose(event.target.value);
        ask({ [choice]: event.target.value });
      });
    }
    at("mass").addEventListener("change", (event) => ask({ mass: event.target.value }));
    at("change-box").addEventListener("change", (event) => ask({ change: event.target.value }));
    at("compare").addEventListener("change", (event) => {
      if (event.target.value !== "") ask({ compare: [...compared().map(([id]) => id), event.target.value] });
    });
    at("multiples").addEventListener("click", () => ask({ multiples: asked().get("multiples") === "1" ? "0" : "1" }));
    at("copy").addEventListener("click", () => void copyLink());
    listenToTabs();
  }

  async function copyLink() {
    const said = document.getElementById("copied");
    try {
      await navigator.clipboard.writeText(location.href);
      said.textContent = "Copied";
    } catch {
      said.textContent = "Not allowed here; the link is in the address bar";
    }
    setTimeout(() => { said.textContent = ""; }, 4000);
  }

  // What the words say of the controls, when they come from the server.
  function update(words) {
    for (const group of document.querySelectorAll("[data-choice]")) {
      const wanted = words[`choice-${group.dataset.choice}`];
      for (const input of group.querySelectorAll("input")) input.checked = input.value === wanted;
    }
    document.getElementById("mass").value = words["mass-value"];
    const box = document.getElementById("change-box");
    box.min = words["change-min"];
    box.max = words["change-max"];
    if (document.activeElement !== box || Number(box.value) !== Number(words["change-value"])) box.value = words["change-value"];
    document.getElementById("multiples").setAttribute("aria-expanded", String(words.multiples === "1"));
    document.getElementById("multiples").textContent = words.multiples === "1" ? "Put them away" : "Draw every one of them";
    if (document.getElementById(`tab-${words["choice-tab"]}`)?.hidden) openTab(words["choice-tab"], false);
    if (bokehDocument == null) return;
    showCompared();
    nameWidgets();
  }

  // Widgets of Bokeh that lack a name for assistive technology get the one they show.
  function nameWidgets() {
    for (const view of Page.views) {
      const handle = view.shadow_el?.querySelector(".noUi-handle");
      if (handle != null) handle.setAttribute("aria-label", view.model.title);
    }
  }

  function start(started) {
    bokehDocument = started;
    nameWidgets();
    showCompared();
  }

  return { listen, start, update };
})();
