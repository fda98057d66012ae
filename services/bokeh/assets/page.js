"use strict";

// Puts the document's words into the page, keeps the address in step with them, and sees to it that a
// page whose websocket was lost comes back as it was. Bokeh draws the widgets and figures.

const RETRY_MS = 3000;
const FIRST_RETRY_MS = 500;
const SECOND_TRY_MS = 500;
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const Page = {
  words: read("words"),
  manager: null,
  // Others after each move to another replica, so never kept.
  get views() { return this.manager?.roots ?? []; },
};

function fillList(list, text) {
  const lines = text.split("\n").filter((line) => line !== "");
  list.replaceChildren(...lines.map((line) => {
    const item = document.createElement("li");
    item.textContent = line.trim();
    item.classList.toggle("item", line.startsWith("\t"));
    return item;
  }));
}

function show(next) {
  const changed = (name) => next[name] !== Page.words[name];
  for (const element of document.querySelectorAll("[data-word]")) {
    const name = element.dataset.word;
    if (changed(name)) element.textContent = next[name];
  }
  for (const element of document.querySelectorAll("[data-value-of]")) {
    const name = element.dataset.valueOf;
    if (changed(name)) element.setAttribute("value", next[name]);
  }
  for (const list of document.querySelectorAll("[data-list]")) {
    if (changed(list.dataset.list)) fillList(list, next[list.dataset.list]);
  }
  for (const element of document.querySelectorAll("[data-filled]")) {
    element.hidden = next[element.dataset.filled] === "";
  }
  for (const element of document.querySelectorAll("[data-view]")) {
    element.hidden = element.dataset.view !== next.view;
  }
  document.getElementById("slot-units-figure").style.minHeight = next["units-height"] && `${next["units-height"]}px`;
  Page.words = next;
  // What an earlier wish was answered is not put in the place of a later one.
  if (!Controls.areBehind(next)) {
    writeAddress();
    Controls.update(next);
  }
  Figures.update();
}

function writeAddress() {
  const { query } = Page.words;
  const search = query === "" ? "" : `?${query}`;
  if (location.search !== search) history.replaceState(null, "", location.pathname + search + location.hash);
  // On paper an address can only be read.
  document.getElementById("address").textContent = location.href;
}

// Words that were put in the page by the server differ from the document's only when the volume changed
// between the page and its websocket.
function follow(bokehDocument) {
  const update = () => {
    const page = bokehDocument.get_model_by_name("page");
    if (page == null) return;
    const { name, text } = page.data;
    if (name.length === 0) return;
    const next = Object.fromEntries(Array.from(name, (key, place) => [key, text[place]]));
    if (Object.keys(next).some((key) => next[key] !== Page.words[key])) show(next);
  };
  bokehDocument.on_change(update);
  update();
}

// A new document is only had by asking for the page again, and only worth it once a replica answers.
async function reloadWhenAnswered(wait) {
  for (;; wait = RETRY_MS) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    try {
      const response = await fetch(location.pathname, { method: "HEAD", cache: "no-store", redirect: "manual" });
      // Whoever has to sign in again can do so on the page only.
      if (response.ok || response.type === "opaqueredirect" || response.status === 401) {
        location.reload();
        return;
      }
    } catch {
      // no replica answers yet
    }
  }
}

function keepConnected(bokehDocument) {
  const notice = document.getElementById("connection");
  let timer = null;
  bokehDocument.on_event("connection_lost", (_document, event) => {
    // The state may have changed since the page was loaded, and the new replica knows only the address.
    const connection = event.connection.deref();
    if (connection != null) connection.args_string = location.search.substring(1);
    // A move to another replica is over before this notice would be read.
    if (timer == null) timer = setTimeout(() => { notice.hidden = false; }, 1000);
    // The proxy may not have known at the first try that the replica is gone, and soon does; BokehJS waits longer.
    if (event.attempts === 1) setTimeout(() => event.reconnect(), SECOND_TRY_MS);
    if (event.timeout == null) void reloadWhenAnswered(RETRY_MS);
  });
  bokehDocument.on_event("client_reconnected", () => {
    clearTimeout(timer);
    timer = null;
    notice.hidden = true;
  });
}

async function start() {
  writeAddress();
  Controls.listen();
  const views = await Bokeh.embed.embed_items({}, [read("render-item")]);
  const root = views[0]?.roots[0];
  if (root == null) {
    // Its replica died between the page and its websocket; another answers before a notice would be read.
    setTimeout(() => { document.getElementById("connection").hidden = false; }, 2 * FIRST_RETRY_MS);
    await reloadWhenAnswered(FIRST_RETRY_MS);
    return;
  }
  const bokehDocument = root.model.document;
  Page.manager = views[0];
  Theme.follow(bokehDocument);
  follow(bokehDocument);
  Controls.start(bokehDocument);
  Figures.start();
  keepConnected(bokehDocument);
}

void start();
