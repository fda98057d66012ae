"use strict";

// Light and dark: the page's colours are its style sheet's; those of figures are put in place here, on
// the models that this page holds, without telling the server, which draws for the light.

const Theme = (() => {
  const dark = JSON.parse(document.getElementById("dark-colors").textContent);
  const light = Object.fromEntries(Object.entries(dark).map(([from, to]) => [to, from]));
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const printing = matchMedia("print");
  const before = new WeakMap();
  let bokehDocument = null;

  const wanted = () => document.documentElement.dataset.theme;
  const isDark = () => !printing.matches && (wanted() === "dark" || (wanted() === "auto" && prefersDark.matches));

  function translate(value, map) {
    if (typeof value !== "string") return undefined;
    return map[value] ?? map[value.toLowerCase()];
  }

  // A colour of the dark, in any form that browsers give it, as it is in the light; else undefined.
  function lighten(color) {
    const parts = /^rgba?\((\d+), ?(\d+), ?(\d+)/.exec(color ?? "");
    const written = parts === null ? color : `#${parts.slice(1).map((part) => Number(part).toString(16).padStart(2, "0")).join("")}`;
    return translate(written, light);
  }

  // What a model had in the light is kept, because several light colours share one dark colour.
  function paintModel(model, toDark) {
    const kept = before.get(model) ?? {};
    const changed = {};
    for (const property of model) {
      const { attr } = property;
      if (!attr.endsWith("color") || property.is_unset && !toDark) continue;
      let value = property.get_value();
      const specified = value !== null && typeof value === "object" && "value" in value ? value.value : value;
      const next = toDark ? translate(specified, dark) : (attr in kept ? kept[attr] : undefined);
      if (next === undefined || next === specified) continue;
      if (toDark) kept[attr] = specified;
      changed[attr] = value === specified ? next : { ...value, value: next };
    }
    if (Object.keys(changed).length === 0) return;
    before.set(model, toDark ? kept : {});
    model.setv(changed, { sync: false });
  }

  // Colours that travel as data, one for each glyph.
  function paintSource(model, map) {
    for (const name of ["color", "frame"]) {
      const column = model.data[name];
      if (column === undefined || !Array.from(column).some((value) => translate(value, map) !== undefined)) continue;
      const data = { ...model.data, [name]: Array.from(column, (value) => translate(value, map) ?? value) };
      model.setv({ data }, { sync: false });
    }
  }

  let painting = false;
  function paint() {
    if (bokehDocument == null || painting) return;
    painting = true;
    try {
      const toDark = isDark();
      for (const model of bokehDocument._all_models.values()) {
        if (model.type === "ColumnDataSource") paintSource(model, toDark ? dark : light);
        else paintModel(model, toDark);
      }
    } finally {
      painting = false;
    }
  }

  let asked = false;
  function paintSoon() {
    if (asked || !isDark()) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; paint(); });
  }

  function follow(next) {
    bokehDocument = next;
    next.on_change(() => { if (!painting) paintSoon(); });
    if (isDark()) paint();
  }

  function choose(theme) {
    document.documentElement.dataset.theme = theme;
    paint();
  }

  prefersDark.addEventListener("change", paint);
  printing.addEventListener("change", paint);
  return { follow, choose, lighten };
})();
