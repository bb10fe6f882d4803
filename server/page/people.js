// People: who is enrolled; adding, renaming, removing, and taking that back until the gallery is compacted.
import { ask, form, galleryPath } from "./api.js";
import { changes } from "./changes.js";
import { badge, droppable, el } from "./dom.js";
import { photos } from "./photos.js";
import { texts } from "./texts.js";

const PAGE = 48;

export function people(main, { gallery, who }) {
    const grid = el("ul", { class: "grid" }), more = el("button",
        { class: "quiet", hidden: true, onclick: () => load(true) }, texts.more);
    const search = el("input", { type: "search", id: "q",
        oninput: () => { clearTimeout(search.timer); search.timer = setTimeout(load, 150); } });
    const mayChange = who.scope !== "read", made = changes(gallery, load);
    let page = 0, asked = 0;

    async function load(next) {
        const turn = ++asked;
        page = next === true ? page + 1 : 0;
        const q = search.value.trim(), query = new URLSearchParams({ page, size: PAGE, q });
        const list = await ask("GET", `${galleryPath(gallery, "people")}?${query}`);
        if (turn !== asked) return; // another search was begun since
        const cards = list.items.map(p => personCard(p, gallery, mayChange, load, made));
        if (page) grid.append(...cards);
        else grid.replaceChildren(...(cards.length ? cards : [el("li", { class: "help" }, q ? texts.noSuch : texts.nobody)]));
        more.hidden = (page + 1) * PAGE >= list.total;
    }
    main.replaceChildren(el("h1", {}, texts.peopleTitle), mayChange ? adder(gallery, load) : "", made.list,
        el("p", { class: "search" }, el("label", { for: "q" }, texts.search), " ", search), grid, more);
    load();
    return () => { asked++; };
}

function personCard(person, gallery, mayChange, reload, made) {
    const name = el("strong", { class: "name" }, person.name);
    const picture = person.crop ? el("img", { src: galleryPath(gallery, "faces", person.face, "crop"), alt: "",
        width: 112, height: 112, loading: "lazy" })
        : el("span", { class: "blank" });
    const tools = el("span", { class: "tools" });
    const open = person.faces ? el("button", { class: "quiet",
        "aria-label": `${texts.photos(person.faces)}: ${person.name}`,
        onclick: () => photos(person, gallery, mayChange, reload, made) },
        texts.photos(person.faces)) : el("small", {}, texts.photos(0));
    const card = el("li", { class: "person card" }, picture, name, person.quality === null ? "" : badge(person.quality),
        open, tools);
    if (mayChange) {
        const labelled = (text, act, more = "") => el("button",
            { class: `quiet ${more}`, "aria-label": `${text}: ${person.name}`, onclick: act }, text);
        tools.append(labelled(texts.rename, () => rename(person, gallery, reload, made)),
            labelled(texts.remove, () => remove(person, gallery, reload, made), "danger"));
    }
    return card;
}

function rename(person, gallery, reload, made) {
    const to = el("input", { id: "to", value: person.name, required: true }),
        wrong = el("p", { class: "wrong", role: "alert" });
    const dialog = el("dialog", { class: "card", onclose: () => dialog.remove() }, el("form", { onsubmit: async e => {
        e.preventDefault();
        try {
            const { undo } = await ask("POST", galleryPath(gallery, "people", person.name, "rename"),
                { to: to.value.trim() });
            dialog.close();
            made.add(texts.renamed(person.name, to.value.trim()), undo);
            reload();
        } catch (error) { wrong.textContent = error.message; }
    } }, el("h2", {}, person.name), el("label", { for: "to" }, texts.renameTo), to, wrong,
        el("p", { class: "tools" }, el("button", { type: "submit" }, texts.save),
            el("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, texts.cancel))));
    document.body.append(dialog);
    dialog.showModal();
    to.select();
}

async function remove(person, gallery, reload, made) {
    const { undo } = await ask("DELETE", galleryPath(gallery, "people", person.name));
    made.add(texts.removed(person.name), undo);
    reload();
}

// One file after the other, each with its own line: what was taken, and why one was not.
function adder(gallery, reload) {
    const name = el("input", { id: "person", autocomplete: "off" }),
        list = el("ul", { class: "files", "aria-live": "polite" });
    const input = el("input", { type: "file", multiple: true, accept: "image/*", id: "photos",
        onchange: () => take([...input.files]) });
    const box = el("div", { class: "zone adder" }, el("label", { for: "person" }, texts.add), name,
        el("label", { for: "photos", class: "button" }, texts.addFiles), input,
        el("p", { class: "help" }, texts.addHelp), list);
    async function take(files) {
        const person = name.value.trim();
        if (!person) { name.focus(); return; }
        const lines = files.map(f => ({ f, line: el("li", {}, `${f.name}: ${texts.waiting}`) }));
        list.replaceChildren(...lines.map(l => l.line));
        for (const { f, line } of lines) {
            line.textContent = `${f.name}: ${texts.working}`;
            try {
                await ask("POST", galleryPath(gallery, "faces"), form({ image: f, person, one_face: "true" }));
                line.textContent = `${f.name}: ${texts.added}`;
                line.className = "good";
            } catch (error) {
                line.textContent = `${f.name}: ${error.message}`;
                line.className = "wrong";
            }
        }
        input.value = "";
        reload();
    }
    droppable(box, take);
    return box;
}
