"use strict";

// The controls that are the page's own. Each asks the server with part of a query string, and writes it
// to the address at once, so that a page that is just then moved to another replica keeps it. The server
// answers each wish with its number, also one that changes nothing, and its answer is what stays.

const Controls = (() => {
  const OF_A_STUDY = ["version", "unit", "change", "compare"];
  const at = (id) => document.getElementById(id);
  let bokehDocument = null;
  let count = 0;

  function ask(parts) {
    const query = new URLSearchParams(location.search);
    for (const key of [...Object.keys(parts), ...("study" in parts ? OF_A_STUDY : [])]) query.delete(key);
    const wish = new URLSearchParams();
    for (const [key, value] of Object.entries(parts)) {
      for (const one of [value].flat()) {
        wish.append(key, one);
        if (one !== "") query.append(key, one);
      }
    }
    history.replaceState(null, "", `${location.pathname}?${query}${location.hash}`);
    const model = bokehDocument?.get_model_by_name("wish");
    count += 1;
    if (model != null) model.data = { query: [String(wish)], number: [String(count)] };
    if ("compare" in parts) showCompared();
  }

  // Whether a later wish is still to be answered than the one that words answer; a replica that the page
  // has moved to has answered none, and took all of them from the address.
  const areBehind = (words) => words.answered !== "" && words.answered !== String(count);

  // Puts [identifier, label] pairs into a select; what was just chosen may not be answered yet.
  function fill(name, pairs) {
    const select = at(name);
    const { value: chosen } = select;
    select.replaceChildren(...pairs.map(([value, label]) => new Option(label, value)));
    select.value = pairs.some(([value]) => value === chosen) ? chosen : Page.words[name];
  }

  // The units that can be chosen, each [identifier, label].
  let offered = null;
  let units = [];
  function offer() {
    const data = bokehDocument.get_model_by_name("options")?.data;
    if (data == null || data === offered) return;
    offered = data;
    units = Array.from(data.value, (value, place) => [value, data.label[place]]);
    fill("unit", units);
    showCompared();
  }

  // The studies that can be chosen are at an address of their own: there may be a thousand of them.
  let listed = "";
  async function offerStudies() {
    try {
      const response = await fetch("studies.json");
      const text = response.ok ? await response.text() : listed;
      if (text === listed) return;
      listed = text;
    } catch {
      return; // asked for again when the select is opened
    }
    const studies = JSON.parse(listed);
    fill("study", studies);
    at("slot-study").hidden = studies.length < 2;
  }

  // From the address, which is ahead of the words until the server has answered.
  const asked = () => new URLSearchParams(location.search);
  const compared = () => {
    const labels = new Map(units);
    return asked().getAll("compare").filter((id) => labels.has(id)).map((id) => [id, labels.get(id)]);
  };

  function showCompared() {
    const chosen = compared();
    const select = at("compare");
    const taken = new Set([at("unit").value, ...chosen.map(([id]) => id)]);
    const options = units.filter(([id]) => !taken.has(id)).map(([id, label]) => new Option(label, id));
    select.replaceChildren(select.options[0], ...options);
    select.value = "";
    select.disabled = chosen.length >= 3;
    at("compared").replaceChildren(...chosen.map(([id, label], place) => {
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

  const writeChange = () => `${Page.words["change-value"].replace("-", "\u2212")} ${Page.words["change-units"]}`;

  // What is being typed is left alone until it is entered.
  let typing = false;
  function showChange() {
    if (!typing) at("change-box").value = Page.words["change-value"];
  }

  function listenToBox() {
    const box = at("change-box");
    const refused = at("change-refused");
    box.addEventListener("input", () => { typing = true; });
    box.addEventListener("blur", () => { typing = false; showChange(); });
    box.addEventListener("change", () => {
      typing = false;
      // Browsers give no value to what is not a number.
      refused.textContent = box.value === "" ? `Not a number; the change stays ${writeChange()}.` : "";
      if (box.value === "") showChange();
      else ask({ change: box.value });
    });
  }

  function listen() {
    at("study").addEventListener("change", (event) => ask({ study: event.target.value }));
    at("study").addEventListener("focus", () => void offerStudies());
    at("unit").addEventListener("change", (event) => {
      const unit = event.target.value;
      const others = asked().getAll("compare");
      // No unit is beside itself.
      ask(others.includes(unit) ? { unit, compare: [...others.filter((id) => id !== unit), ""] } : { unit });
    });
    listenToBox();
    for (const group of document.querySelectorAll("[data-choice]")) {
      group.addEventListener("change", (event) => {
        const { choice } = group.dataset;
        if (choice === "theme") Theme.choose(event.target.value);
        ask({ [choice]: event.target.value });
      });
    }
    at("mass").addEventListener("change", (event) => ask({ mass: event.target.value }));
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
    for (const name of ["study", "unit"]) at(name).value = words[name];
    at("mass").value = words["mass-value"];
    at("change-box").min = words["change-min"];
    at("change-box").max = words["change-max"];
    showChange();
    at("multiples").setAttribute("aria-expanded", String(words.multiples === "1"));
    at("multiples").textContent = words.multiples === "1" ? "Put them away" : "Draw every one of them";
    if (document.getElementById(`tab-${words["choice-tab"]}`)?.hidden) openTab(words["choice-tab"], false);
    if (bokehDocument != null) showCompared();
  }

  // What Bokeh's views lack for readers who do not see or point: the slider's name, and its value where
  // that is between two of its steps. Figures answer no key, so that nobody should be stopped at them.
  function mend(view) {
    const handle = view.shadow_el?.querySelector(".noUi-handle");
    if (handle != null) {
      handle.setAttribute("aria-label", view.model.title);
      handle.setAttribute("aria-valuetext", writeChange());
    }
    const events = view.canvas_view?.events_el;
    if (events != null) events.tabIndex = -1;
    for (const child of view.child_views ?? []) mend(child);
  }

  let changes = 0;
  async function mendAll() {
    changes += 1;
    const mine = changes;
    // What was changed is drawn in its own time; the last change sees to those before it.
    await new Promise(requestAnimationFrame);
    if (mine !== changes) return;
    await Promise.all(Page.views.map((view) => view.ready));
    if (mine === changes) Page.views.forEach(mend);
  }

  function start(started) {
    bokehDocument = started;
    const follow = () => { offer(); void mendAll(); };
    started.on_change(follow);
    follow();
    void offerStudies();
  }

  return { listen, start, update, areBehind };
})();
