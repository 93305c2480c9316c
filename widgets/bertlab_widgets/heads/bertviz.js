// bertviz's own views, in a frame that reaches nothing; all that it says is how high it is.
import { h } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";

const HIGHEST = 1600; // pixels
export const VIEWS = [
  ["head", mark("head view")],
  ["model", mark("model view")],
  ["neuron", mark("neuron view")],
];

/** A frame as high as its page, in a box of the stage's height, so that nothing around it moves. */
function fitted(frame, remembered) {
  const fit = () => {
    frame.style.height = `${remembered.height}px`;
  };
  const listen = ({ source, data }) => {
    if (!frame.isConnected) window.removeEventListener("message", listen);
    else if (source === frame.contentWindow && data?.height > 0) {
      remembered.height = Math.min(Math.ceil(data.height), HIGHEST);
      fit();
    }
  };
  window.addEventListener("message", listen);
  fit(); // as high as the last one, so that nothing jumps from layer to layer
  return h("div.frame-box", {}, frame);
}

/** `draw()` asks Python for the page; `leave()` forgets the one that is shown. */
export function makeBertviz(ui, show, isShown) {
  const { get } = ui;
  const remembered = { height: 400 };
  let shown = "";
  async function draw() {
    const kind = get("bertviz_view");
    const { dark } = ui.colors();
    const key = [get("tiles").base, kind, get("layer"), get("head"), dark].join("/");
    if (key === shown && isShown()) return;
    shown = key;
    show([h("p.muted", {}, say("Drawing …"))]);
    try {
      const { result } = await ui.call("bertviz", { kind, dark });
      if (shown !== key || get("look") !== "bertviz") return;
      const view = say(VIEWS.find(([name]) => name === kind)[1]);
      const title = say("bertviz {view}", { view });
      const frame = h("iframe", { sandbox: "allow-scripts", title, srcdoc: result });
      show([fitted(frame, remembered)]);
    } catch (error) {
      if (shown === key) show([h("p.muted", {}, error.message)]);
    }
  }
  const leave = () => {
    shown = "";
  };
  return { draw, leave };
}
