// Elements in short, and what is said to those who listen.
import { texts } from "./texts.js";

export function el(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
        else if (name in made && typeof value !== "string") made[name] = value;
        else made.setAttribute(name, value);
    }
    made.append(...children.filter(c => c !== null && c !== undefined));
    return made;
}

// Texts only: what is shown of names is never taken for HTML.
export function say(text, action) {
    const said = document.getElementById("said");
    said.replaceChildren(text, ...(action ? [action] : []));
    said.classList.add("shown");
    clearTimeout(say.timer);
    say.timer = setTimeout(() => said.classList.remove("shown"), 8000);
}

// Files that are dropped on an element.
export function droppable(element, take) {
    element.addEventListener("dragover", e => { e.preventDefault(); element.classList.add("over"); });
    element.addEventListener("dragleave", () => element.classList.remove("over"));
    element.addEventListener("drop", e => {
        e.preventDefault();
        element.classList.remove("over");
        take([...e.dataTransfer.files]);
    });
}

const SVG = "http://www.w3.org/2000/svg";
export function svg(tag, attributes = {}, ...children) {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
}

// How good a face's picture is, in a word and a figure.
export function badge(quality) {
    const level = quality >= 0.5 ? "fine" : quality >= 0.2 ? "fair" : "poor";
    return el("span", { class: `badge ${level}`, title: texts.qualityHelp },
        `${texts.quality[level]} ${quality.toFixed(2)}`);
}

export const percent = x => Math.round(100 * x);
export const figure = (x, digits = 3) => x === null ? "–" : x.toFixed(digits);
// 0.01 -> 100, in figures that can be read.
export const oneIn = rate => { const n = 1 / rate; return n < 10 ? Number(n.toPrecision(2)) : Math.round(Number(n.toPrecision(2))); };
