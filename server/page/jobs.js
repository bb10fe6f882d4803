// Jobs: what takes long, live, and what came of it.
import { ask, follow, galleryPath } from "./api.js";
import { el } from "./dom.js";
import { texts } from "./texts.js";

export function jobs(main, { gallery, who }) {
    const list = el("ul", { class: "jobs" });
    let close = null, left = false;
    const offered = value => value !== "import" && (value !== "study" || who.gallery === "*");
    const kind = el("select", { id: "kind" }, ...Object.entries(texts.kinds)
        .filter(([value]) => offered(value)).map(([value, name]) => el("option", { value }, name)));
    const about = el("p", { class: "help" });
    const explain = () => { about.textContent = texts.kindHelp[kind.value]; };
    kind.addEventListener("change", explain);
    explain();
    const begin = el("form", { class: "card adder", onsubmit: async e => {
        e.preventDefault();
        await ask("POST", galleryPath(gallery, "jobs"), { kind: kind.value });
        load();
    } }, el("label", { for: "kind" }, texts.beginJob(gallery)), kind, el("button", { type: "submit" }, texts.begin),
    about);

    // One runs at a time: that one is listened to.
    async function load() {
        const { jobs: all } = await ask("GET", "/v1/jobs");
        if (left) return;
        const cards = all.map(job => jobCard(job, who)), at = all.findLastIndex(job => !isOver(job));
        list.replaceChildren(...(all.length ? cards.map(c => c.card) : [el("li", { class: "help" }, texts.noJobs)]));
        close?.();
        close = at < 0 ? null : follow(all[at].id, cards[at].show, load);
    }
    main.replaceChildren(el("h1", {}, texts.jobs), who.scope === "admin" ? begin : "", list);
    load();
    return () => { left = true; close?.(); };
}

const isOver = job => ["done", "failed", "cancelled"].includes(job.state);

function jobCard(first, who) {
    const state = el("span", { class: "badge" }), bar = el("progress", { max: 1, "aria-label": texts.progress }),
        count = el("small", {});
    const result = el("div", {});
    const cancel = el("button", { class: "quiet", onclick: async () => {
        cancel.disabled = true;
        await ask("DELETE", `/v1/jobs/${first.id}`);
    } }, texts.cancelJob);
    const card = el("li", { class: "card job" }, el("h2", {}, texts.kinds[first.kind] ?? first.kind), " ", state,
        el("small", {}, first.gallery), el("p", { class: "tools start" }, bar, count, cancel), result);
    function show(j) {
        state.textContent = texts.states[j.state];
        state.className = `badge ${j.state === "done" ? "fine" : j.state === "failed" ? "poor" : ""}`;
        bar.hidden = cancel.hidden = isOver(j);
        cancel.hidden ||= who.scope !== "admin";
        if (j.total) bar.value = j.done / j.total; else bar.removeAttribute("value");
        count.textContent = j.total && !isOver(j) ? texts.of(j.done, j.total) : "";
        if (isOver(j)) result.replaceChildren(j.error ? el("p", { class: "wrong" }, j.error) : outcome(j));
    }
    show(first);
    return { card, show };
}

// By name where no crop was kept, or the face is gone since.
function clusterFace(gallery, face) {
    const name = el("small", {}, face.person);
    return face.crop ? el("img", { src: galleryPath(gallery, "faces", face.face, "crop"), alt: face.person,
        title: face.person,
        width: 56, height: 56, loading: "lazy", onerror: e => e.target.replaceWith(name) }) : name;
}

// What came of it, in the form that suits the kind.
function outcome(job) {
    const r = job.result ?? {};
    if (job.kind === "duplicates")
        return el("div", {}, rows(texts.samePerson, r.same_person,
            d => texts.pairOf(d.person, d.other_person, d.score.toFixed(3))),
            rows(texts.samePhoto, r.same_photo, d => texts.photosOf(d.image, d.person, d.other_image, d.other_person)));
    if (job.kind === "cluster")
        return el("ul", { class: "plain" }, ...(r.clusters ?? []).map((c, i) => el("li", {},
            el("strong", {}, texts.cluster(i + 1, c.faces.length)),
            el("span", { class: "crops" }, ...c.faces.slice(0, 12).map(f => clusterFace(job.gallery, f))))),
            el("li", {}, texts.alone(r.alone ?? 0)));
    if (job.archive)
        return el("p", {}, el("a", { href: job.archive, download: `${job.gallery}.tar` }, texts.download));
    const facts = Object.entries(r).filter(([, v]) => typeof v !== "object");
    return el("ul", { class: "plain" }, ...facts.map(([name, v]) => el("li", {}, `${name}: ${v}`)));
}

const rows = (title, list = [], line) => el("div", {}, el("h3", {}, `${title}: ${list.length}`),
    el("ul", { class: "plain" }, ...list.slice(0, 50).map(d => el("li", {}, line(d)))));
