// The study: consent, then for each arm its examples and its pairs, then the answers. Works from a file, from any
// static server, and from secondlook-server, which takes the answers. `study` comes from study_data.js.
"use strict";

const texts = {
    title: "Are these two faces of the same person?",
    agree: "I am at least 18 years old, I have read this, and I agree to take part.",
    begin: "Begin", go: "Start with the pairs", again: "Go on where you stopped",
    part: (i, n) => `Part ${i} of ${n}`,
    task: n => `You will see ${n} pairs of faces. All of them wear a drawn mask or sunglasses. Say for each pair whether both show the same person. If you are not sure, answer what you think is more likely.`,
    keys: "You can answer by mouse, by touch, or by the keys Y and N. There is no way back to a pair that was answered.",
    examples: "First some examples, with the right answers:",
    about: {
        none: "In this part you see the two faces alone.",
        cc: "In this part each face is also shown with colours: red parts look most like the other face as a whole to the computer, blue parts least.",
        flow: "In this part the picture in the middle puts the first face together from pieces of the second. A piece is bright where the computer finds the two alike, and dark where it does not.",
        h2l: "In this part each face is also shown brighter and darker: bright parts are those that the computer, after it has looked at both faces together, finds most like the other face.",
        trust: "In this part each face is also shown brighter and darker: bright parts are those that the computer believes, dark parts are those that it takes for covered.",
    },
    captions: {
        none: [], cc: ["first, coloured", "second, coloured"], flow: ["first, from pieces of the second"],
        h2l: ["first, by likeness", "second, by likeness"],
        trust: ["first, what is believed", "second, what is believed"],
    },
    first: "first face", second: "second face", yes: "Yes", no: "No",
    pair: (i, n) => `Pair ${i} of ${n}`,
    same: "Yes, the same person.", different: "No, two different people.",
    done: "Thank you!", sending: "Your answers are being sent …",
    stored: "Your answers have arrived. You can close this page.",
    kept: "Please save your answers and give the file to whoever asked you to take part.",
    refused: "The answers could not be handed in:", save: "Save my answers", retry: "Try again",
    missing: "A picture cannot be loaded. Reload the page to go on.",
};
const main = document.getElementById("main"), place = `secondlook-study-${study.study}`;
let state = null;

function el(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes))
        if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
        else if (typeof value === "boolean") made[name] = value;
        else made.setAttribute(name, value);
    made.append(...children);
    return made;
}

function show(...children) {
    main.replaceChildren(...children);
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
}

// ---- who sees what, in which order: all of it follows from the participant's random number

function generator(hex) { // sfc32, by 128 bits
    let [a, b, c, d] = [0, 8, 16, 24].map(i => parseInt(hex.slice(i, i + 8), 16) | 0);
    const next = () => {
        const t = (a + b | 0) + d | 0;
        d = d + 1 | 0;
        a = b ^ b >>> 9;
        b = c + (c << 3) | 0;
        c = (c << 21 | c >>> 11) + t | 0;
        return (t >>> 0) / 2 ** 32;
    };
    for (let i = 0; i < 16; i++) next();
    return next;
}

function shuffled(items, random) {
    const list = [...items];
    for (let i = list.length - 1; i > 0; i--) {
        const k = Math.floor(random() * (i + 1));
        [list[i], list[k]] = [list[k], list[i]];
    }
    return list;
}

// Set s is shown in the arm s + rotation, so that no arm has the easier pairs.
function planned(participant) {
    const random = generator(participant), n = study.arms.length, rotation = Math.floor(random() * n);
    const parts = study.sets.map((set, s) => ({ arm: study.arms[(s + rotation) % n],
        examples: shuffled(set.examples, random), pairs: shuffled(set.pairs, random) }));
    return { rotation, parts: shuffled(parts, random) };
}

// ---- what is done so far outlives a reload, where the browser keeps it

function remember() {
    try { localStorage.setItem(place, JSON.stringify(state)); } catch { /* then it does not */ }
}

// Handed in, or saved: the next participant begins anew.
function forget() {
    try { localStorage.removeItem(place); } catch { /* there was nothing */ }
}

function recall() {
    try { return JSON.parse(localStorage.getItem(place)); } catch { return null; }
}

function newState() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return { participant: [...bytes].map(b => b.toString(16).padStart(2, "0")).join(""),
        began: new Date().toISOString(), answers: [], ended: null };
}

// ---- screens

function askConsent() {
    const before = recall(), begin = el("button", { disabled: true, onclick: () => {
        state = before ?? newState();
        remember();
        proceed();
    } }, before ? texts.again : texts.begin);
    const box = el("input", { type: "checkbox", id: "agree", onchange: () => { begin.disabled = !box.checked; } });
    show(el("h1", {}, texts.title), el("div", { class: "card" }, ...study.consent.map(text => el("p", {}, text))),
        el("label", { class: "agree", for: "agree" }, box, texts.agree), begin);
}

// The first face, what the arm shows, the second face; `ready` resolves once all pictures are there.
function row(pair, arm) {
    const figure = (kind, src, caption) => el("figure", { class: kind }, el("img", { src, alt: "" }),
        el("figcaption", {}, caption));
    const made = el("div", { class: "pair" }, figure("face", pair.faces[0], texts.first),
        ...pair.shown[arm].map((src, i) => figure("shown", src, texts.captions[arm][i])),
        figure("face", pair.faces[1], texts.second));
    return { made, ready: () => Promise.all([...made.querySelectorAll("img")].map(i => i.decode())) };
}

function proceed() {
    const { parts } = planned(state.participant);
    let left = state.answers.length;
    for (const [i, part] of parts.entries()) {
        if (left < part.pairs.length) return left ? askPair(parts, i, left) : explain(parts, i);
        left -= part.pairs.length;
    }
    finish();
}

function explain(parts, i) {
    const part = parts[i];
    const examples = part.examples.map(pair => el("li", { class: "card" }, row(pair, part.arm).made,
        el("p", { class: `truth ${pair.same ? "same" : "different"}` }, pair.same ? texts.same : texts.different)));
    show(el("h1", {}, texts.part(i + 1, parts.length)), el("p", {}, texts.about[part.arm]),
        el("p", {}, texts.task(part.pairs.length)),
        el("p", { class: "help" }, texts.keys), examples.length ? el("p", {}, texts.examples) : "",
        el("ol", { class: "examples" }, ...examples),
        el("p", {}, el("button", { onclick: () => askPair(parts, i, 0) }, texts.go)));
}

async function askPair(parts, i, k) {
    const part = parts[i], pair = part.pairs[k], { made, ready } = row(pair, part.arm);
    const yes = el("button", { disabled: true, onclick: () => answer(true) }, texts.yes, el("kbd", {}, "Y"));
    const no = el("button", { disabled: true, onclick: () => answer(false) }, texts.no, el("kbd", {}, "N"));
    const told = `${texts.part(i + 1, parts.length)}. ${texts.pair(k + 1, part.pairs.length)}`;
    show(el("p", { class: "help", "aria-live": "polite" }, told),
        el("progress", { max: String(part.pairs.length), value: String(k), "aria-label": told }),
        el("div", { class: "card" }, made, el("h1", { class: "asked" }, texts.title),
            el("div", { class: "answers" }, yes, no)));
    let began = null;
    const keys = e => {
        if (e.repeat || e.ctrlKey || e.metaKey || e.altKey || yes.disabled) return;
        if (e.key.toLowerCase() === "y") answer(true);
        if (e.key.toLowerCase() === "n") answer(false);
    };
    function answer(same) {
        document.removeEventListener("keydown", keys);
        state.answers.push({ arm: part.arm, pair: pair.pair, same, ms: Math.round(performance.now() - began) });
        remember();
        proceed();
    }
    document.addEventListener("keydown", keys);
    try { await ready(); } catch {
        document.removeEventListener("keydown", keys);
        return main.append(el("p", { class: "wrong", role: "alert" }, texts.missing));
    }
    if (part.pairs[k + 1]) row(part.pairs[k + 1], part.arm); // whose pictures are fetched meanwhile
    requestAnimationFrame(() => { began = performance.now(); yes.disabled = no.disabled = false; });
}

// ---- the end

function sheet() {
    return { format: "secondlook-study-answers", version: 1, study: study.study, participant: state.participant,
        rotation: planned(state.participant).rotation, agreed: true, began: state.began, ended: state.ended,
        answers: state.answers };
}

// secondlook-server takes answers; other servers say 404 or 405 or the like, and files know no server.
async function handIn() {
    if (!location.protocol.startsWith("http")) return { stored: false };
    const reply = await fetch("answers", { method: "POST", headers: { "content-type": "application/json" },
        body: JSON.stringify(sheet()) }).catch(() => null);
    if (reply?.status === 201) return { stored: true };
    const problem = reply?.headers.get("content-type")?.includes("problem+json") ? await reply.json().catch(() => null) : null;
    return { stored: false, why: problem?.detail };
}

async function finish() {
    state.ended ??= new Date().toISOString();
    remember();
    show(el("h1", {}, texts.done), el("p", { role: "status" }, texts.sending));
    const { stored, why } = await handIn();
    if (stored) forget();
    const file = URL.createObjectURL(new Blob([JSON.stringify(sheet(), null, 1)], { type: "application/json" }));
    const save = el("a", { class: "button", href: file, download: `answers-${state.participant}.json`,
        onclick: forget }, texts.save);
    const retry = why ? el("button", { onclick: finish }, texts.retry) : "";
    show(el("h1", {}, texts.done), el("p", { role: "status" }, stored ? texts.stored : texts.kept),
        why ? el("p", { class: "wrong", role: "alert" }, `${texts.refused} ${why}`) : "",
        el("p", {}, save, " ", retry));
}

askConsent();
