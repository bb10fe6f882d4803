// Audit: who asked what, and whether the log is as it was written.
import { ask } from "./api.js";
import { el } from "./dom.js";
import { texts } from "./texts.js";

const PAGE = 50, columns = ["time", "action", "gallery", "subject", "decision", "score", "key"];

export function audit(main) {
    const body = el("tbody", {}), told = el("p", { role: "status" }),
        chain = el("p", { class: "help", role: "status" }, texts.checking);
    const action = el("select", { id: "action" }, el("option", { value: "" }, texts.anyAction),
        ...texts.actions.map(a => el("option", { value: a }, a)));
    const subject = el("input", { type: "search", id: "subject" });
    const more = el("button", { class: "quiet", hidden: true, onclick: () => load(true) }, texts.more);
    let names = {}, oldest = 0, asked = 0;

    async function load(next) {
        const turn = ++asked;
        const query = new URLSearchParams({ last: PAGE, action: action.value, subject: subject.value.trim(),
            before: next === true ? oldest : 0 });
        const { lines, whole } = await ask("GET", `/v1/audit?${query}`);
        if (turn !== asked) return;
        lines.reverse();
        oldest = lines.at(-1)?.seq ?? 0;
        const rows = lines.map(line => el("tr", {},
            ...columns.map(c => el("td", { "data-name": texts.columns[c] }, cell(line, c)))));
        if (next === true) body.append(...rows); else body.replaceChildren(...rows);
        more.hidden = lines.length < PAGE;
        told.textContent = body.children.length ? texts.lines(body.children.length) : texts.noLines;
        if (!whole && more.hidden) told.textContent += ` ${texts.olderLines}`;
    }
    const cell = (line, c) => c === "key" ? names[line.key] ?? line.key ?? ""
        : c === "time" ? line.time.replace("T", " ").slice(0, 19) : String(line[c] ?? "");
    async function verify() {
        const v = await ask("GET", "/v1/audit/verify");
        chain.className = v.holds ? "good" : "wrong";
        chain.textContent = v.holds ? texts.holds(v.lines, v.last.slice(0, 16)) : v.why;
    }
    for (const input of [action, subject]) input.addEventListener("input",
        () => { clearTimeout(subject.timer); subject.timer = setTimeout(load, 150); });
    main.replaceChildren(el("h1", {}, texts.audit), el("div", { class: "card adder" },
        el("span", { class: "field" }, el("label", { for: "action" }, texts.columns.action), action),
        el("span", { class: "field" }, el("label", { for: "subject" }, texts.columns.subject), subject), chain), told,
        el("div", { class: "card scroll", tabindex: "0", role: "region", "aria-label": texts.audit },
            el("table", { class: "log" },
            el("thead", {}, el("tr", {}, ...columns.map(c => el("th", { scope: "col" }, texts.columns[c])))), body)),
            more);
    ask("GET", "/v1/keys").then(({ keys }) => { names = Object.fromEntries(keys.map(k => [k.id, k.name])); }).finally(load);
    verify();
    return () => { asked++; };
}
