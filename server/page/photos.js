// One person's photos: how good each is, and which to do without.
import { ask, galleryPath } from "./api.js";
import { badge, el } from "./dom.js";
import { texts } from "./texts.js";

export async function photos(person, gallery, mayChange, reload, made) {
    const list = el("ul", { class: "grid" }), wrong = el("p", { class: "wrong", role: "alert" });
    let changed = false;
    const dialog = el("dialog", { class: "card wide", "aria-label": person.name,
        onclose: () => { dialog.remove(); if (changed) reload(); } },
        el("h2", {}, person.name), list, wrong, el("button", { class: "quiet", onclick: () => dialog.close() },
            texts.close));
    const { items } = await ask("GET",
        `${galleryPath(gallery, "faces")}?${new URLSearchParams({ person: person.name, size: 200 })}`);
    list.replaceChildren(...items.map((face, i) => {
        const item = el("li", { class: "person" }, face.crop
            ? el("img", { src: galleryPath(gallery, "faces", face.id, "crop"), alt: texts.photo(i + 1), width: 112,
                height: 112, loading: "lazy" })
            : el("span", { class: "blank" }), badge(face.quality.overall), el("small", { class: "name" }, face.image));
        if (mayChange && items.length > 1) item.append(el("button",
            { class: "quiet danger", "aria-label": `${texts.remove}: ${texts.photo(i + 1)}`, onclick: async () => {
            try {
                const { undo } = await ask("DELETE", galleryPath(gallery, "faces", face.id));
                made.add(texts.removed(`${person.name}, ${texts.photo(i + 1)}`), undo);
                changed = true;
                item.remove();
            } catch (error) { wrong.textContent = error.message; }
        } }, texts.remove));
        return item;
    }));
    document.body.append(dialog);
    dialog.showModal();
}
