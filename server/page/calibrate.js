// Calibrate: which threshold keeps which promise in this gallery, and what a rate means for those who use it.
import { ask, follow, galleryPath } from "./api.js";
import { el, figure, oneIn, percent, svg } from "./dom.js";
import { texts } from "./texts.js";

const WIDTH = 640, HEIGHT = 340, LEFT = 104, BOTTOM = 56, TOP = 12, RIGHT = 12;

export function calibrate(main, { gallery, who }) {
    const card = el("div", { class: "card" }), work = el("div", { class: "card" });
    let close = null;
    main.replaceChildren(el("h1", {}, texts.calibrateTitle), el("div", { class: "result" }, card, work));
    load();

    async function load() {
        const rates = await ask("GET", galleryPath(gallery, "rates"));
        showRates(card, gallery, rates);
    }
    const bar = el("progress", { max: 1, value: 0, hidden: true, "aria-label": texts.progress }),
        told = el("p", { role: "status" });
    const begin = el("button", { onclick: async () => {
        begin.disabled = true;
        told.textContent = "";
        const job = await ask("POST", galleryPath(gallery, "jobs"),
            { kind: "calibrate" }).catch(error => { begin.disabled = false; throw error; });
        bar.hidden = false;
        close = follow(job.id, j => { bar.value = j.total ? j.done / j.total : 0; }, async j => {
            bar.hidden = true;
            begin.disabled = false;
            told.className = j.state === "done" ? "good" : "wrong";
            told.textContent = j.state === "done" ? texts.calibrated(j.result.searches, j.result.pairs)
                : j.error ?? texts.states[j.state];
            load();
        });
    } }, texts.measure);
    work.replaceChildren(el("h2", {}, texts.measureTitle), el("p", {}, texts.measureHelp),
        who.scope === "admin" ? el("p", { class: "tools start" }, begin, bar)
            : el("p", { class: "help" }, texts.adminOnly), told);
    return () => close?.();
}

const sources = bins => [...new Set(bins.map(b => texts.sources[b.source]))].join(", ");

function showRates(card, gallery, rates) {
    const list = rates.fpir;
    if (!list.length) {
        card.replaceChildren(el("h2", {}, texts.rateTitle), el("p", {}, rates.faces ? texts.noRates : texts.empty));
        return;
    }
    const kept = Number(localStorage.getItem(`fpir ${gallery}`)), own = rates.rule.rate ?? 0.01;
    const off = (i, rate) => Math.abs(Math.log(list[i].rate / rate));
    const nearest = rate => list.reduce((best, _, i) => off(i, rate) < off(best, rate) ? i : best, 0);
    const drawing = chart(list);
    const slider = el("input", { type: "range", id: "rate", min: "0", max: String(list.length - 1),
        value: String(nearest(kept || own)), oninput: tell });
    const strangers = el("input", { type: "number", id: "strangers", min: "1", max: "1000000", value: "100",
        oninput: tell });
    const promise = el("p", { class: "promise" }), alarms = el("p", {}), thresholds = el("ul", { class: "plain" }),
        by = el("p", { class: "help" });
    const using = el("p", { class: "help", role: "status" });
    const use = el("button",
        { onclick: () => { localStorage.setItem(`fpir ${gallery}`, list[+slider.value].rate); showUse(); } },
        texts.useRate);
    const drop = el("button", { class: "quiet",
        onclick: () => {
            localStorage.removeItem(`fpir ${gallery}`);
            slider.value = nearest(own);
            tell();
            showUse();
        } }, texts.useOwn);

    function tell() {
        const { rate, bins } = list[+slider.value], day = rate * Math.max(1, +strangers.value || 1);
        promise.textContent = texts.promise(oneIn(rate), rates.faces);
        slider.setAttribute("aria-valuetext", texts.oneIn(oneIn(rate)));
        alarms.textContent = day >= 1 ? texts.alarmsADay(figure(day, 1)) : texts.alarmEvery(figure(1 / day, 1));
        thresholds.replaceChildren(...bins.map((b, i) => el("li", {},
            bins.length === 1 ? texts.thresholdOf(figure(b.threshold))
            : texts.thresholdHidden(figure(b.threshold), percent(i ? bins[i - 1].hidden_to : 0),
                percent(Math.min(1, b.hidden_to))),
            b.extrapolated ? ` ${texts.beyond}` : "")));
        by.textContent = texts.knownBy(sources(bins));
        drawing.mark(+slider.value);
    }
    function showUse() {
        const rate = Number(localStorage.getItem(`fpir ${gallery}`));
        using.textContent = rate ? texts.using(oneIn(rate)) : texts.usingOwn(oneIn(own));
        drop.hidden = !rate;
    }
    card.replaceChildren(el("h2", {}, texts.rateTitle), drawing.picture, legend(list[0].bins),
        el("label", { for: "rate" }, texts.chooseRate), slider, promise,
        el("p", {}, el("label", { for: "strangers" }, texts.strangers), " ", strangers), alarms, thresholds, by,
        el("p", { class: "help" }, texts.whatItCosts), el("p", { class: "tools start" }, use, drop), using,
        el("details", {}, el("summary", {}, texts.asTable), table(list)));
    tell();
    showUse();
}

// A line for each bin: the threshold to the right, how rarely a stranger passes it downwards. Dashed: carried on.
function chart(list) {
    const values = list.flatMap(r => r.bins.map(b => b.threshold)).filter(v => v !== null);
    const least = Math.min(...values), most = Math.max(...values), rarest = list.at(-1).rate, common = list[0].rate;
    const x = v => LEFT + (WIDTH - LEFT - RIGHT) * (v - least) / (most - least || 1);
    const y = r => TOP + (HEIGHT - TOP - BOTTOM) * Math.log(common / r) / (Math.log(common / rarest) || 1);
    const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart", role: "img",
        "aria-label": texts.chartOf(list[0].bins.length) });
    for (let r = 1; r >= rarest * 0.99; r /= 10)
        if (r <= common * 1.01) picture.append(svg("line",
            { x1: LEFT, x2: WIDTH - RIGHT, y1: y(r), y2: y(r), class: "rule" }),
            svg("text", { x: LEFT - 8, y: y(r) + 4, "text-anchor": "end" }, r === 1 ? "1" : `1/${oneIn(r)}`));
    for (let i = 0; i <= 4; i++) {
        const v = least + (most - least) * i / 4;
        picture.append(svg("text", { x: x(v), y: HEIGHT - BOTTOM + 22,
            "text-anchor": i === 0 ? "start" : i === 4 ? "end" : "middle" }, figure(v, 2)));
    }
    picture.append(svg("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 6, "text-anchor": "middle" },
        texts.threshold));
    list[0].bins.forEach((_, b) => list.slice(1).forEach((r, i) => {
        const from = list[i], a = from.bins[b]?.threshold, c = r.bins[b]?.threshold;
        if (a !== null && c !== null && c !== undefined && a !== undefined)
            picture.append(svg("line", { x1: x(a), y1: y(from.rate), x2: x(c), y2: y(r.rate),
                class: `curve c${b}${r.bins[b].extrapolated ? " beyond" : ""}` }));
    }));
    const chosen = svg("g", {});
    picture.append(chosen);
    const mark = i => chosen.replaceChildren(svg("line",
        { x1: LEFT, x2: WIDTH - RIGHT, y1: y(list[i].rate), y2: y(list[i].rate), class: "chosen" }),
        ...list[i].bins.map((bin, b) => bin.threshold === null ? "" : svg("circle",
            { cx: x(bin.threshold), cy: y(list[i].rate), r: 5, class: `dot c${b}` })));
    return { picture, mark };
}

const legend = bins => bins.length < 2 ? "" : el("ul", { class: "legend" }, ...bins.map((b, i) =>
    el("li", {}, svg("svg", { viewBox: "0 0 24 8", width: 24, height: 8, "aria-hidden": "true" },
        svg("line", { x1: 1, x2: 23, y1: 4, y2: 4, class: `curve c${i}` })),
        ` ${texts.hiddenRange(percent(i ? bins[i - 1].hidden_to : 0), percent(Math.min(1, b.hidden_to)))}`)));

const table = list => el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": texts.asTable },
    el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, texts.rate),
    ...list[0].bins.map((b, i) => el("th", { scope: "col" },
        texts.hiddenRange(percent(i ? list[0].bins[i - 1].hidden_to : 0), percent(Math.min(1, b.hidden_to))))))),
    el("tbody", {}, ...list.map(r => el("tr", {}, el("th", { scope: "row" }, texts.oneIn(oneIn(r.rate))),
        ...r.bins.map(b => el("td", {}, figure(b.threshold))))))));
