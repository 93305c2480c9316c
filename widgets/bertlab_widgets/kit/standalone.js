// A model without a kernel, for the exported page: states computed beforehand answer instead.
import { mark, say } from "./language.js";

function decode(value) {
  if (Array.isArray(value)) return value.map(decode);
  if (value && typeof value === "object") {
    if (typeof value.$bytes === "string") return Uint8Array.from(atob(value.$bytes), c => c.charCodeAt(0));
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, decode(inner)]));
  }
  return value;
}

const NO_KERNEL = mark("This page has no kernel: open the notebook for that.");

/** `state` by trait; `answers` by "call:arguments"; `patches` by "trait:value": what else changes with it. */
export function standaloneModel(state, answers, patches) {
  const handlers = {};
  const dirty = new Set();
  const values = decode(state);
  const emit = (name, ...args) => (handlers[name] || []).forEach(handler => handler(...args));
  return {
    standalone: true,
    get: name => values[name],
    set(name, value) {
      if (JSON.stringify(values[name]) === JSON.stringify(value)) return;
      values[name] = value;
      dirty.add(name);
    },
    save_changes() {
      for (const name of [...dirty]) {
        const patch = patches[`${name}:${JSON.stringify(values[name])}`];
        for (const [key, value] of Object.entries(decode(patch || {}))) {
          values[key] = value;
          dirty.add(key);
        }
      }
      const names = [...dirty];
      dirty.clear();
      for (const name of names) emit(`change:${name}`);
    },
    on(name, handler) {
      handlers[name] = [...(handlers[name] || []), handler];
    },
    off(name, handler) {
      handlers[name] = (handlers[name] || []).filter(other => other !== handler);
    },
    send(message) {
      const found = answers[`${message.call}:${JSON.stringify(message.args)}`];
      const reply = found ? { id: message.id, result: found.result } : { id: message.id, error: say(NO_KERNEL) };
      const buffers = found ? (found.buffers || []).map(decode) : [];
      setTimeout(() => emit("msg:custom", reply, buffers));
    },
  };
}
