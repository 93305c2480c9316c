// How far each part of the model has moved: a row a part, a column a step.
import { fitCanvas } from "../kit/canvas.js";
import { cssColor } from "../kit/colours.js";
import { say } from "../kit/language.js";
import { percent, thousands, ticks } from "../kit/numbers.js";

function drawRow(c, _ui, row) {
  const { colors, x, y, tall, steps, values, most, total, now } = row;
  steps.forEach((step, i) => {
    const end = Math.min(total, i + 1 < steps.length ? steps[i + 1] : Math.max(now, step + 0.5));
    const share = Math.sqrt(Math.min(1, values[i] / most));
    c.fillStyle = cssColor(colors.sequential[Math.round(255 * share)]);
    c.fillRect(x(step), y, Math.max(0, x(end) - x(step) + (end < total ? 0.6 : 0)), tall - 3);
  });
  c.strokeStyle = colors.line;
  c.strokeRect(x(0) + 0.5, y + 0.5, x(total) - x(0), tall - 3);
  c.fillStyle = colors.ink;
  c.textAlign = "end";
  c.fillText(row.name, x(0) - 8, y + tall / 2 - 1);
  c.textAlign = "start";
  c.fillText(percent(values.at(-1)), x(total) + 8, y + tall / 2 - 1);
}

function drawKey(c, colors, left, y, text) {
  for (let i = 0; i < 120; i++) {
    c.fillStyle = cssColor(colors.sequential[Math.round((255 * i) / 119)]);
    c.fillRect(left + i, y - 5, 1.5, 10);
  }
  c.fillStyle = colors.muted;
  c.textAlign = "start";
  c.fillText(text, left + 130, y);
}

export function drawLayers(ui, canvas, view, width, height) {
  const { names = [], fresh = [], steps = [], values = [] } = view.changes || {};
  const [colors, scale] = [ui.colors(), ui.scale()];
  const c = fitCanvas(canvas, width, height);
  c.font = `${11 * scale}px ${colors.wordFont}`;
  c.textBaseline = "middle";
  c.fillStyle = colors.ink;
  c.fillText(say("How far each part is from where it began, |W − W₀| / |W₀|"), 0, 10 * scale);
  if (!names.length) {
    c.fillStyle = colors.muted;
    c.fillText(say("Start a run: every part is a row, every step a column."), 0, 40 * scale);
    return;
  }
  const left = Math.max(...names.map(name => c.measureText(name).width)) + 12;
  const [right, top] = [width - 76 * scale, 28 * scale];
  const tall = Math.min(32 * scale, (height - top - 40 * scale) / names.length);
  const body = values.filter((_, k) => !fresh[k]).flat();
  const most = Math.max(1e-9, ...(body.some(value => value > 0) ? body : values.flat()));
  const total = Math.max(1, view.steps);
  const x = step => left + ((right - left) * step) / total;
  const shared = { colors, x, tall, steps, most, total, now: view.step };
  const shown = [...names.keys()].reverse();
  shown.forEach((k, row) => drawRow(c, ui, { ...shared, y: top + row * tall, name: names[k], values: values[k] }));
  c.fillStyle = colors.muted;
  c.fillText(say("now"), right + 8, 10 * scale);
  const below = top + names.length * tall;
  c.textAlign = "center";
  for (const step of ticks(total, 6)) c.fillText(thousands(step), x(step), below + 10 * scale);
  const key =
    Math.max(...values.flat()) > most
      ? say("0 to {most}; the fresh head moves farther", { most: percent(most) })
      : say("0 to {most}", { most: percent(most) });
  drawKey(c, colors, left, below + 30 * scale, key);
  const said = names.map((name, k) => `${name} ${percent(values[k].at(-1))}`).join(say(", "));
  canvas.setAttribute("aria-label", say("Change of each part: {parts}", { parts: said }));
}
