// The site's only script: frames as high as their panels, contents open where there is room, and search.
const MOST_HEIGHT = 4000; // pixels
const MOST_HITS = 20;

window.addEventListener("message", ({ source, data }) => {
  if (!(data?.bertlab > 0)) return;
  for (const frame of document.querySelectorAll("iframe.panel")) {
    if (frame.contentWindow === source) frame.style.height = `${Math.min(Math.ceil(data.bertlab) + 2, MOST_HEIGHT)}px`;
  }
});

const contents = document.querySelector(".contents");
contents.open = window.matchMedia("(min-width: 1200px)").matches;

const input = document.querySelector(".search input");
const list = document.querySelector(".search ol");

/** The index is a script of its own, loaded when it is first wanted. */
function load() {
  if (window.BERTLAB_INDEX || document.getElementById("search-index")) return;
  const script = document.createElement("script");
  script.id = "search-index";
  script.src = "search-index.js";
  script.onload = search;
  document.head.append(script);
}

/** Sections that hold every word; words in the heading count more. */
function hits(words) {
  const found = [];
  for (const row of window.BERTLAB_INDEX) {
    const heading = row.heading.toLowerCase();
    const text = `${heading} ${row.text.toLowerCase()}`;
    if (!words.every(word => text.includes(word))) continue;
    const score = words.reduce((sum, word) => sum + (heading.includes(word) ? 10 : 0) + text.split(word).length, 0);
    found.push([score, row]);
  }
  return found.sort((a, b) => b[0] - a[0]).slice(0, MOST_HITS);
}

function around(text, word) {
  const at = Math.max(text.toLowerCase().indexOf(word) - 40, 0);
  return `${at ? "…" : ""}${text.slice(at, at + 120)}…`;
}

function search() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  list.hidden = !words.length || !window.BERTLAB_INDEX;
  if (list.hidden) return;
  const rows = hits(words).map(([, row]) => {
    const item = document.createElement("li");
    const link = document.createElement("a");
    const small = document.createElement("small");
    link.href = row.url;
    link.textContent = row.heading;
    small.textContent = `${row.page}: ${around(row.text, words[0])}`;
    link.append(small);
    link.onclick = () => {
      list.hidden = true;
    };
    item.append(link);
    return item;
  });
  if (!rows.length) {
    const none = document.createElement("li");
    none.className = "none";
    none.textContent = list.dataset.none;
    rows.push(none);
  }
  list.replaceChildren(...rows);
}

input.addEventListener("focus", load);
input.addEventListener("input", () => {
  load();
  search();
});
document.addEventListener("keydown", event => {
  if (event.key === "Escape") list.hidden = true;
});
