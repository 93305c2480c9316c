// The 80 / 10 / 10 of pre-training, dealt again and again.
import { bars } from "../kit/controls.js";
import { bidi, h, textButton } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";

const FATES = { mask: mark("masked"), random: mark("random"), kept: mark("chosen, kept") };
const TIMES = [
  [1, mark("Deal once")],
  [100, mark("100 times")],
  [1000, mark("1,000 times")],
];

export function dealer(ui) {
  const deals = ui.get("deals");
  if (!deals.tokens) return [];
  const { mask, random, kept, untouched } = deals.tally;
  const chosen = mask + random + kept;
  const share = (count, all) => (all ? count / all : 0);
  const line = (label, value, before) => ({ label, value, before });
  const fates = deals.tokens.map((token, i) => {
    const fate = deals.fates[i];
    return h(`div.fate.${fate}`, {}, bidi(token), h("small", {}, FATES[fate] ? say(FATES[fate]) : " "));
  });
  const buttons = TIMES.map(([times, text]) => textButton(say(text), () => ui.call("deal", { times }).catch(() => {})));
  const shares = bars([
    line(say("chosen, of all tokens"), share(chosen, chosen + untouched), 0.15),
    line(say("of these: [MASK]"), share(mask, chosen), 0.8),
    line(say("of these: a random token"), share(random, chosen), 0.1),
    line(say("of these: kept as it is"), share(kept, chosen), 0.1),
  ]);
  const source = say("The marks stand at 15 %, 80 %, 10 % and 10 % (Devlin et al. 2019, section 3.1).");
  return [
    h("div.fates", {}, ...fates),
    h("div.controls", {}, ...buttons),
    h("div.shares", {}, shares),
    h("p.small.muted", {}, source),
  ];
}
