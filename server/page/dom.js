// Elements in short, and what is said to those who listen.
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

export const percent = x => Math.round(100 * x);
export const figure = x => x === null ? "–" : x.toFixed(3);
