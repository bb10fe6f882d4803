// Find: a photo, its faces, who they are, and why.
import { ask, form, galleryPath } from "./api.js";
import { camera } from "./camera.js";
import { droppable, el, figure, oneIn, percent } from "./dom.js";
import { texts } from "./texts.js";

export function find(main, { gallery }) {
    const result = el("section", { class: "result", "aria-live": "polite" });
    const input = el("input", { type: "file", accept: "image/*", id: "photo", onchange: () => take([...input.files]) });
    const live = camera(files => take(files));
    const zone = el("div", { class: "zone" }, el("p", {}, texts.drop, " ",
        el("label", { for: "photo", class: "button" }, texts.choose), input),
        live.box, el("p", { class: "help" }, texts.stays));
    const fpir = localStorage.getItem(`fpir ${gallery}`); // chosen in Calibrate
    let address = null;

    async function take(files) {
        const photo = files.find(f => f.type.startsWith("image/"));
        if (!photo) return;
        if (address) URL.revokeObjectURL(address);
        address = URL.createObjectURL(photo);
        result.replaceChildren(el("p", { class: "busy" }, texts.looking));
        try {
            const answer = await ask("POST", galleryPath(gallery, "identify"),
                form({ image: photo, top: "5", explain: "url", ...(fpir ? { fpir } : {}) }));
            showAnswer(result, { gallery, address, answer });
        } catch (error) {
            result.replaceChildren(el("p", { class: "wrong" }, error.message));
        }
    }
    const paste = e => take([...e.clipboardData.files]);
    document.addEventListener("paste", paste);
    droppable(zone, take);
    main.replaceChildren(el("h1", {}, texts.findTitle), zone, result);
    return () => { live.close(); document.removeEventListener("paste", paste); if (address) URL.revokeObjectURL(address); };
}

function showAnswer(result, of) {
    const { faces } = of.answer, told = el("div", { class: "told" });
    const image = el("img", { src: of.address, alt: "" }), stage = el("div", { class: "stage" }, image);
    const boxes = faces.map((face, i) => el("button",
        { class: "box", "aria-label": texts.faceOf(i + 1, faces.length), onclick: () => choose(i) }));
    const choose = i => {
        boxes.forEach((b, k) => b.setAttribute("aria-pressed", String(k === i)));
        showFace(told, of, i);
    };
    image.addEventListener("load", () => boxes.forEach((box, i) => {
        const [x0, y0, x1, y1] = faces[i].box, w = image.naturalWidth, h = image.naturalHeight;
        Object.assign(box.style, { left: `${100 * x0 / w}%`, top: `${100 * y0 / h}%`, width: `${100 * (x1 - x0) / w}%`,
            height: `${100 * (y1 - y0) / h}%` });
        box.classList.add(faces[i].decision);
    }));
    stage.append(...boxes);
    result.replaceChildren(el("div", { class: "photo card" }, stage,
        el("p", { class: "help" }, faces.length ? texts.faces(faces.length) : texts.noFace)), told);
    if (faces.length) choose(0);
}

// In words: who, by which score, judged how, and what that promises.
function verdict(of, face) {
    const [best] = face.candidates, { rule } = of.answer, match = face.decision === "match";
    const value = best && (face.threshold_on === "stage1" ? best.stage1 : best.score);
    return el("div", { class: `verdict card ${face.decision}` },
        el("h2", {}, match ? texts.match(best.person) : !best ? texts.empty : texts.decision[face.decision]),
        best && el("p", {}, (match ? texts.verdictMatch : texts.verdictUnknown)(figure(value), figure(face.threshold))),
        best && face.hidden !== null && el("p", {},
            texts.hidden(percent(face.hidden), percent(face.hidden_from),
                percent(Math.min(1, face.hidden_to)))) || null,
        rule.promise === "fpir" && best ? el("p", { class: "help" },
            texts.promise(oneIn(rule.rate), rule.faces)) : null,
        best && face.by_stage1[0] !== best.person ? el("p", { class: "help" }, texts.changed) : null);
}

function showFace(told, of, index) {
    const face = of.answer.faces[index], why = el("div", { class: "why" });
    const rows = face.candidates.map((c, i) => el("li", {},
        el("button", { class: "candidate", onclick: () => explain(i) },
        c.crop ? el("img", { src: galleryPath(of.gallery, "faces", c.face, "crop"), alt: "", width: 72,
            height: 72 }) : el("span", { class: "blank" }),
        el("span", { class: "who" }, el("strong", {}, c.person),
            el("span", { class: "bar" }, el("span", { class: "fill" }),
                el("span", { class: "mark", title: texts.threshold })),
            el("small", {}, `${texts.score} ${figure(c.score)} · ${texts.first} ${figure(c.stage1)} · ${texts.second} ${figure(c.stage2)}`)))));
    const share = x => `${100 * Math.max(0, Math.min(1, x ?? 1))}%`;
    rows.forEach((row, i) => {
        const c = face.candidates[i];
        row.querySelector(".fill").style.width = share(face.threshold_on === "stage1" ? c.stage1 : c.score);
        row.querySelector(".mark").style.left = share(face.threshold);
    });
    const explain = i => {
        rows.forEach((row, k) => row.firstChild.setAttribute("aria-pressed", String(k === i)));
        showWhy(why, of, index, face.candidates[i]);
    };
    told.replaceChildren(verdict(of, face), rows.length ? el("div", { class: "ranked card" },
        el("h2", {}, texts.ranked), el("ol", {}, ...rows)) : "", why);
    if (rows.length) explain(0);
}

// Layers that a slider fades from one to the next, drawn by the server.
async function showWhy(why, of, index, candidate) {
    const part = name => ask("GET",
        `${of.answer.faces[index].explain}?${new URLSearchParams({ face: candidate.face, part: name })}`)
        .then(blob => URL.createObjectURL(blob), () => null);
    const layers = texts.layers.map((_, i) => el("img",
        { alt: "", class: "layer", width: 448, height: 448, "data-layer": String(i) }));
    const caption = el("p", { class: "caption" }), whole = el("img", { alt: texts.whole, class: "whole" });
    const slider = el("input", { type: "range", min: "0", max: String(layers.length - 1), step: "0.01", value: "1",
        id: "fade", oninput: fade });
    const blend = el("div", { class: "blend" }, ...layers);
    why.replaceChildren(el("div", { class: "card" }, el("h2", {}, texts.why(candidate.person)),
        el("div", { class: "fader" }, blend,
        el("div", {}, el("label", { for: "fade" }, texts.fade), slider, caption)),
        el("details", {}, el("summary", {}, texts.whole), whole)));
    function fade() {
        const at = +slider.value, nearest = Math.round(at);
        layers.forEach((layer, i) => { layer.style.opacity = String(Math.max(0, 1 - Math.abs(at - i))); });
        layers[Math.floor(at)].style.opacity = "1"; // the lower one stays whole below the one that comes
        caption.textContent = `${texts.layers[nearest]}: ${texts.layerHelp[nearest]}`;
        slider.setAttribute("aria-valuetext", texts.layers[nearest]);
    }
    fade();
    const addresses = await Promise.all(["query", "trust", "shares", "flow"].map(part));
    addresses.push(candidate.crop ? galleryPath(of.gallery, "faces", candidate.face, "crop") : null);
    addresses.forEach((address, i) => { if (address) layers[i].src = address; });
    const pair = await part("pair");
    if (pair) whole.src = pair;
}
