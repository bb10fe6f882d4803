// Study: the address for participants, and what their answers come to so far.
import { ask, follow, galleryPath } from "./api.js";
import { el, figure } from "./dom.js";
import { texts } from "./texts.js";

export function study(main, { gallery }) {
    let close = null;
    const body = el("div", { class: "told" }), again = el("button", { class: "quiet", onclick: load },
        texts.studyAgain);
    let left = false;

    async function load() {
        let told;
        try { told = await ask("GET", "/v1/study"); } catch (error) {
            if (error.status !== 404) throw error;
            if (!left) body.replaceChildren(maker(gallery, stop => { close = stop; }, load));
            return;
        }
        if (!left) body.replaceChildren(invitation(told), ...(told.participants ? [results(told)] : []));
    }
    main.replaceChildren(el("h1", {}, texts.study), body, el("p", {}, again));
    load();
    return () => { left = true; close?.(); };
}

// Where there is none: one is made by a job of the server, or by hand.
function maker(gallery, closes, made) {
    const bar = el("progress", { max: 1, value: 0, hidden: true, "aria-label": texts.progress }),
        told = el("p", { class: "wrong", role: "status" });
    const begin = el("button", { onclick: async () => {
        begin.disabled = true;
        told.textContent = "";
        const job = await ask("POST", galleryPath(gallery, "jobs"),
            { kind: "study" }).catch(error => { begin.disabled = false; throw error; });
        bar.hidden = false;
        closes(follow(job.id, j => { bar.value = j.total ? j.done / j.total : 0; }, j => {
            bar.hidden = true;
            begin.disabled = false;
            if (j.state === "done") made(); else told.textContent = j.error ?? texts.states[j.state];
        }));
    } }, texts.studyMake(gallery));
    return el("section", { class: "card" }, el("p", {}, texts.noStudy), el("p", { class: "tools start" }, begin, bar),
        told,
        el("p", { class: "help" }, texts.studyByHand), el("pre", {}, texts.studyCommands));
}

function invitation(told) {
    const address = new URL(told.address, location.href).href;
    return el("section", { class: "card" }, el("h2", {}, texts.studyInvite),
        el("p", {}, el("a", { href: address, target: "_blank", rel: "noopener", class: "address" }, address)),
        el("p", { class: "help" }, texts.studyHelp),
        el("p", { role: "status" }, texts.studyPeople(told.participants, told.missing)));
}

function results(told) {
    const range = ([low, high]) => low === null ? "–" : `${figure(low, 1)} – ${figure(high, 1)}`,
        name = arm => texts.arms[arm] ?? arm;
    const arms = told.arms.map(a => [name(a.arm), a.participants, figure(a.mean, 1), figure(a.std, 1),
        range(a.interval), figure(a.yes, 1), figure(a.seconds, 1)]);
    const pairs = told.differences.map(d => [texts.compared(name(d.a), name(d.b)), d.participants,
        figure(d.difference, 1), range(d.interval), figure(d.p, 4), figure(d.p_holm, 4)]);
    return el("section", { class: "card" }, el("h2", {}, texts.studyResults),
        el("p", {}, texts.studyChance(told.chance.toFixed(2), told.same, told.pairs)),
        el("img", { src: `/v1/study/chart?${Date.now()}`,
            alt: texts.studyChart(arms.map(row => `${row[0]} ${row[2]} %`).join(", ")), class: "studychart" }),
        table(texts.studyArms, arms), el("h3", {}, texts.studyCompared), table(texts.studyDifferences, pairs),
        el("p", { class: "help" }, texts.studyTests),
        el("p", {}, el("a", { class: "button", href: "/v1/study/csv", download: "study.csv" }, texts.studyCsv)));
}

const table = (heads, rows) => el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": heads[0] },
    el("table", { class: "log" },
    el("thead", {}, el("tr", {}, ...heads.map(h => el("th", { scope: "col" }, h)))),
    el("tbody", {}, ...rows.map(row => el("tr", {},
        ...row.map((cell, i) => el("td", { "data-name": heads[i] }, String(cell))))))));
