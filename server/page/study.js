// Study: the address for participants, and what their answers come to so far.
import { ask } from "./api.js";
import { el, figure } from "./dom.js";
import { texts } from "./texts.js";

export function study(main) {
    const body = el("div", { class: "told" }), again = el("button", { class: "quiet", onclick: load }, texts.studyAgain);
    let left = false;

    async function load() {
        let told;
        try { told = await ask("GET", "/v1/study"); } catch (error) {
            if (error.status !== 404) throw error;
            if (!left) body.replaceChildren(el("div", { class: "card" }, el("p", {}, texts.noStudy), el("pre", {}, texts.studyCommands)));
            return;
        }
        if (!left) body.replaceChildren(invitation(told), ...(told.participants ? [results(told)] : []));
    }
    main.replaceChildren(el("h1", {}, texts.study), body, el("p", {}, again));
    load();
    return () => { left = true; };
}

function invitation(told) {
    const address = new URL(told.address, location.href).href;
    return el("section", { class: "card" }, el("h2", {}, texts.studyInvite), el("p", {}, el("a", { href: address, target: "_blank", rel: "noopener", class: "address" }, address)),
        el("p", { class: "help" }, texts.studyHelp), el("p", { role: "status" }, texts.studyPeople(told.participants, told.missing)));
}

function results(told) {
    const range = ([low, high]) => low === null ? "–" : `${figure(low, 1)} – ${figure(high, 1)}`, name = arm => texts.arms[arm] ?? arm;
    const arms = told.arms.map(a => [name(a.arm), a.participants, figure(a.mean, 1), figure(a.std, 1), range(a.interval), figure(a.yes, 1), figure(a.seconds, 1)]);
    const pairs = told.differences.map(d => [texts.compared(name(d.a), name(d.b)), d.participants, figure(d.difference, 1), range(d.interval), figure(d.p, 4), figure(d.p_holm, 4)]);
    return el("section", { class: "card" }, el("h2", {}, texts.studyResults), el("p", {}, texts.studyChance(told.chance.toFixed(2), told.same, told.pairs)),
        el("img", { src: `/v1/study/chart?${Date.now()}`, alt: texts.studyChart(arms.map(row => `${row[0]} ${row[2]} %`).join(", ")), class: "studychart" }),
        table(texts.studyArms, arms), el("h3", {}, texts.studyCompared), table(texts.studyDifferences, pairs), el("p", { class: "help" }, texts.studyTests),
        el("p", {}, el("a", { class: "button", href: "/v1/study/csv", download: "study.csv" }, texts.studyCsv)));
}

const table = (heads, rows) => el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": heads[0] }, el("table", { class: "log" },
    el("thead", {}, el("tr", {}, ...heads.map(h => el("th", { scope: "col" }, h)))),
    el("tbody", {}, ...rows.map(row => el("tr", {}, ...row.map((cell, i) => el("td", { "data-name": heads[i] }, String(cell))))))));
