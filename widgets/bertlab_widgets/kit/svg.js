// Elements of SVG from code.

const SVG = "http://www.w3.org/2000/svg";

/** svg("path", {d: "M0,0"}) -> element; attributes that are null are left out */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}
