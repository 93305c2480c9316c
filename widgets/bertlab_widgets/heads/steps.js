// The arithmetic of one weight: q and k, their products, scaling, mask, softmax, and what v brings.
import { fitCanvas } from "../kit/canvas.js";
import { cssColor } from "../kit/colours.js";
import { bars } from "../kit/controls.js";
import { h, marked } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { number, percent } from "../kit/numbers.js";
import { headName, quoted } from "./pure.js";

const largest = values => Math.max(...values.map(Math.abs));

/** Numbers as small bars up and down from one line. */
function strip(ui, values, top, room) {
  const canvas = h("canvas", { role: "img", "aria-label": say("{total} numbers", { total: values.length }) });
  const colors = ui.colors();
  const width = Math.max(120, room - (ui.root.dataset.room === "phone" ? 8 : 330));
  const height = 22 * ui.scale();
  const context = fitCanvas(canvas, width, height);
  const step = width / values.length;
  values.forEach((value, i) => {
    const size = (Math.min(1, Math.abs(value) / top) * height) / 2;
    context.fillStyle = cssColor(colors.diverging[value < 0 ? 40 : 216]);
    context.fillRect(i * step, value < 0 ? height / 2 : height / 2 - size, Math.max(1, step - 1), Math.max(0.5, size));
  });
  context.fillStyle = colors.line;
  context.fillRect(0, height / 2, width, 1);
  return canvas;
}

function lines(ui, c, query, key, room) {
  const top = Math.max(largest(c.q), largest(c.k));
  const picture = (values, most = largest(values)) => strip(ui, values, most, room);
  const sum = text => h("span.sum", {}, text);
  const hidden = c.mask < -100;
  const exponent = `e^${number(c.score, 4)} / Σ e^score = e^(${number(c.score, 4)} − ${number(c.log_sum, 4)})`;
  const many = say("{total} numbers", { total: c.q.length });
  const [asks, seen] = [{ token: quoted(query) }, { token: quoted(key) }];
  const rows = [
    [marked(say("q of {token}", asks)), picture(c.q, top), many],
    [marked(say("k of {token}", seen)), picture(c.k, top), many],
    [say("q · k, place by place"), picture(c.products), say("sum {sum}", { sum: number(c.product_sum, 4) })],
    [say("scaled"), sum(`${number(c.product_sum, 4)} / √${c.q.length}`), number(c.scaled, 4)],
    c.relative === null ? null : [say("position term"), sum(say("added before scaling")), number(c.relative, 4)],
    [
      say("mask"),
      sum(hidden ? say("the token may not be seen") : say("nothing is hidden from it")),
      hidden ? "−∞" : `+ ${number(c.mask, 2)}`,
    ],
    [say("softmax over the row"), sum(exponent), h("b", {}, percent(c.probability))],
    [
      marked(say("× v of {token}", seen)),
      picture(c.value),
      say("length {length}", { length: number(c.value_norm, 3) }),
    ],
  ];
  return rows.filter(Boolean).flatMap(([name, middle, end]) => [h("span.muted", {}, name), middle, sum(end)]);
}

/** The look Arithmetic, which asks Python for the cell that is chosen; `show(children)` puts it on the stage. */
export function makeSteps(ui, show, room) {
  const { get } = ui;
  let [key, data] = ["", null];
  function draw(query, seen) {
    const tokens = get("tokens");
    const onchange = () => ui.set("key_token", menu.selectedIndex);
    const options = tokens.map((token, i) => h("option", { value: i }, `${token.text}  (${i})`));
    const menu = h("select", { "aria-label": say("Token that is looked at"), onchange }, ...options);
    menu.selectedIndex = seen;
    const row = data.row.map(item => ({
      label: item.token,
      value: item.probability,
      onclick: () => ui.set("key_token", item.position),
      title: say("score {score}", { score: number(item.score, 4) }),
    }));
    const values = { head: headName(get("layer"), get("head")), token: quoted(tokens[query].text) };
    const [before, after] = say("Head {head}: how much {token} looks at {menu}", values).split("{menu}");
    show([
      h("h4", {}, ...marked(before), menu, ...marked(after)),
      h("div.steps", {}, ...lines(ui, data, tokens[query].text, tokens[seen].text, room())),
      h("h4.apart", {}, say("The whole row after softmax")),
      bars(row),
    ]);
  }
  return async () => {
    const tokens = get("tokens");
    const query = (get("selected") || [])[0] ?? get("default_token");
    const seen = Math.min(get("key_token"), tokens.length - 1);
    const wanted = [get("tiles").base, get("layer"), get("head"), query, seen].join("/");
    if (wanted !== key) {
      key = wanted;
      try {
        data = (await ui.call("cell", { layer: get("layer"), head: get("head"), query, key: seen })).result;
      } catch (error) {
        key = "";
        show([h("p.muted", {}, error.message)]);
        return;
      }
      if (key !== wanted || get("look") !== "steps") return;
    }
    if (data) draw(query, seen);
  };
}
