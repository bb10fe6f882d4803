// What was removed or renamed on this page, each with its undo. The server holds that until the gallery is compacted.
import { ask, galleryPath } from "./api.js";
import { el, say } from "./dom.js";
import { texts } from "./texts.js";

const MOST = 20;

export function changes(gallery, reload) {
    const key = `changes ${gallery}`, items = el("ul", { class: "plain" }), summary = el("summary", {});
    const list = el("details", { class: "card changes" }, summary, el("p", { class: "help" }, texts.undoHelp), items);
    let kept = JSON.parse(sessionStorage.getItem(key) ?? "[]");

    function show() {
        sessionStorage.setItem(key, JSON.stringify(kept));
        list.hidden = !kept.length;
        summary.textContent = texts.changes(kept.length);
        items.replaceChildren(...kept.map(change => el("li", { class: "tools start" }, change.text,
            undoButton(change))));
    }
    const undoButton = change => el("button", { class: "quiet", "aria-label": `${texts.undo}: ${change.text}`,
        onclick: () => takeBack(change) }, texts.undo);

    // The newest first: an older one may be about the same faces.
    async function takeBack(change) {
        try {
            const { faces } = await ask("POST", galleryPath(gallery, "undo"), { undo: change.undo });
            say(texts.tookBack(faces));
        } catch (error) { say(error.message); }
        kept = kept.filter(other => other.undo !== change.undo);
        show();
        reload();
    }
    function add(text, undo) {
        if (!undo) return say(text);
        const change = { text, undo };
        kept = [change, ...kept].slice(0, MOST);
        show();
        say(text, undoButton(change));
    }
    show();
    return { list, add };
}
