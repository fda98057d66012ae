"use strict";

// What is saved of a figure: itself in the colours of the light, on white, under its heading and key, above
// what it shows in words and where it is from. A PNG is drawn from the SVG.

const Pictures = (() => {
  const NAMESPACE = "http://www.w3.org/2000/svg";
  const MARGIN = 16;
  const PIXELS = 2;
  const FONT = "system-ui, sans-serif";
  const INK = "#1d2a32";
  const SOFT = "#51606a";
  const SWATCH = { line: 24, area: 18, ramp: 160 };
  const pen = document.createElement("canvas").getContext("2d");

  function make(name, attributes, parent, text = "") {
    const element = document.createElementNS(NAMESPACE, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.textContent = text;
    parent?.append(element);
    return element;
  }

  const isShown = (element) => element.closest("[hidden]") == null;
  const lighten = (color) => Theme.lighten(color) ?? color;

  // A run of a line: a word, or a swatch of a key.
  function listRuns(element) {
    return [...element.childNodes].flatMap((node) => {
      const kind = Object.keys(SWATCH).find((name) => node.classList?.contains(name));
      if (kind !== undefined) return [{ kind, style: getComputedStyle(node) }];
      if (node.classList?.contains("screen")) return [];
      return node.textContent.split(/[ \n]+/).filter((word) => word !== "").map((word) => ({ word }));
    });
  }

  function drawSwatch(svg, { kind, style }, x, y) {
    const width = SWATCH[kind];
    if (kind === "line") {
      const dash = style.borderTopStyle === "dashed" ? "6 3" : "none";
      make("path", { d: `M${x} ${y - 4}h${width}`, stroke: lighten(style.borderTopColor), "stroke-width": 3, "stroke-dasharray": dash }, svg);
    } else if (kind === "area") {
      make("rect", { x, y: y - 10, width, height: 11, fill: lighten(style.backgroundColor), stroke: lighten(style.borderTopColor) }, svg);
    } else {
      const colors = style.backgroundImage.match(/rgba?\([^)]*\)/g) ?? [];
      const part = width / Math.max(colors.length, 1);
      colors.forEach((fill, place) => make("rect", { x: x + place * part, y: y - 10, width: part + 0.5, height: 11, fill }, svg));
    }
  }

  // What is longer than a line, as an address may be, goes on in the next.
  function split(run, room) {
    if (run.word === undefined || pen.measureText(run.word).width <= room) return [run];
    let end = run.word.length - 1;
    while (end > 1 && pen.measureText(run.word.slice(0, end)).width > room) end -= 1;
    return [{ word: run.word.slice(0, end) }, ...split({ word: run.word.slice(end) }, room)];
  }

  // Writes runs from a height on, in as many lines as they need; gives the height below them.
  function write(svg, runs, top, width, { size = 13, weight = 400, fill = INK } = {}) {
    pen.font = `${weight} ${size}px ${FONT}`;
    const space = pen.measureText(" ").width;
    let x = MARGIN;
    let y = top + size;
    for (const run of runs.flatMap((one) => split(one, width - 2 * MARGIN))) {
      const wide = run.word === undefined ? SWATCH[run.kind] : pen.measureText(run.word).width;
      if (x > MARGIN && x + wide > width - MARGIN) {
        x = MARGIN;
        y += size * 1.4;
      }
      if (run.word === undefined) drawSwatch(svg, run, x, y);
      else make("text", { x, y, fill, "font-family": FONT, "font-size": size, "font-weight": weight }, svg, run.word);
      x += wide + space;
    }
    return runs.length === 0 ? top : y + size * 0.6;
  }

  const runsOf = (text) => text.split(/\s+/).filter((word) => word !== "").map((word) => ({ word }));

  function lightenAll(svg) {
    for (const element of svg.querySelectorAll("*")) {
      for (const name of ["fill", "stroke", "stop-color"]) {
        const color = Theme.lighten(element.getAttribute(name));
        if (color !== undefined) element.setAttribute(name, color);
      }
    }
  }

  // Where it is from: the data's source, the study with its version, and the link to the page.
  const say = () => {
    const { source, title, version } = Page.words;
    return [source === "" ? "" : `Data: ${source}.`, `${title}, version ${version}.`, location.href];
  };

  async function compose(view, card) {
    const drawn = await view.export("svg").to_blob();
    const figure = new DOMParser().parseFromString(await drawn.text(), "image/svg+xml").documentElement;
    lightenAll(figure);
    const { width, height } = view.bbox;
    const full = width + 2 * MARGIN;
    const svg = make("svg", { xmlns: NAMESPACE, width: full });
    make("rect", { width: "100%", height: "100%", fill: "#ffffff" }, svg);
    const units = card.querySelector(".units")?.textContent ?? "";
    const heading = card.querySelector("h2").textContent + (units === "" ? "" : `, ${units}`);
    make("title", {}, svg, heading);
    let y = write(svg, runsOf(heading), MARGIN, full, { size: 16, weight: 600 });
    for (const hint of card.querySelectorAll(".hint")) {
      if (isShown(hint)) y = write(svg, listRuns(hint), y, full);
    }
    for (const [name, value] of Object.entries({ x: MARGIN, y, width, height })) figure.setAttribute(name, value);
    svg.append(figure);
    y = write(svg, runsOf(card.querySelector(".alt").textContent), y + height + 4, full, { size: 12, fill: SOFT });
    for (const line of say()) y = write(svg, runsOf(line), y, full, { size: 11, fill: SOFT });
    svg.setAttribute("height", Math.ceil(y + MARGIN / 2));
    return svg;
  }

  async function toPng(blob, svg) {
    const image = new Image();
    image.src = URL.createObjectURL(blob);
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = PIXELS * Number(svg.getAttribute("width"));
    canvas.height = PIXELS * Number(svg.getAttribute("height"));
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    URL.revokeObjectURL(image.src);
    return new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
  }

  // Gives a figure's picture, as "svg" or "png", with what stands around it in its card.
  async function take(view, card, form) {
    const svg = await compose(view, card);
    const blob = new Blob([new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" });
    return form === "svg" ? blob : toPng(blob, svg);
  }

  return { take };
})();
