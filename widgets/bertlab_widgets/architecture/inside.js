// What is inside a part: a row for each module, its tensors as squares, its hook points as circles.
import { h } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";
import { large } from "./pure.js";

const SAID = {
  tensor: mark("tensor {path}, {shape}"),
  shared: mark("tensor {path}, {shape}, shared"),
  fresh: mark("tensor {path}, {shape}, freshly drawn"),
  point: mark("hook point {path}, {shape} for this sentence"),
};

function chip(ui, entry, kind, said) {
  const chosen = entry.path === ui.get("path");
  const attributes = {
    type: "button",
    class: kind,
    "data-path": entry.path,
    "aria-pressed": String(chosen),
    tabindex: chosen ? "0" : "-1",
    "aria-label": said,
    title: entry.path,
    onclick: () => ui.set("path", entry.path),
  };
  return h("button", attributes, h("span.name", {}, entry.name), h("span.shape", {}, entry.shape));
}

function moduleRow(ui, row) {
  const chosen = row.path === ui.get("path");
  const module = h(
    "button.module",
    {
      type: "button",
      "data-path": row.path,
      "aria-pressed": String(chosen),
      tabindex: chosen ? "0" : "-1",
      title: row.path || say("the whole model"),
      onclick: () => ui.set("path", row.path),
    },
    row.name,
    row.class === row.name ? null : h("span.muted", {}, ` ${row.class}`),
  );
  const tensors = row.tensors.map(entry => {
    const fresh = entry.origin === "fresh";
    const name = fresh
      ? say("{name} fresh", { name: entry.name })
      : entry.shared
        ? say("{name} shared", { name: entry.name })
        : entry.name;
    const state = entry.shared ? "shared" : fresh ? "fresh" : "tensor";
    return chip(ui, { ...entry, name }, `tensor${fresh ? " fresh" : ""}`, say(SAID[state], entry));
  });
  const points = row.points.map(entry => chip(ui, entry, "point", say(SAID.point, entry)));
  const count = row.count ? h("span.count", {}, large(row.count)) : null;
  const indent = `padding-inline-start: calc(${row.depth} * 0.9em)`;
  const chips = [...tensors, ...points];
  const listed = chips.length ? h("div.chips", {}, ...chips) : null;
  return h("div.row", { style: indent }, h("div", {}, module, count), listed);
}

/** The column of what is inside. */
export function insideOf(ui, view) {
  const { inside } = view;
  const rows = inside.rows.map(row => moduleRow(ui, row));
  const entries = rows.flatMap(row => [...row.querySelectorAll("[data-path]")]);
  if (entries.length && !entries.some(entry => entry.tabIndex === 0)) entries[0].tabIndex = 0;
  const signs = [say("▢ tensor"), say("○ hook point, with its shape for this sentence")];
  const legend = h("div.head.legend", {}, ...signs.map(sign => h("span.key", {}, sign)));
  return [legend, h("div", { role: "group", "aria-label": say("Inside {name}", { name: inside.name }) }, ...rows)];
}
