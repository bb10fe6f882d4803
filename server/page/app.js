// The frame: a login, then a screen for each name behind the #.
import { login, logout, ask } from "./api.js";
import { audit } from "./audit.js";
import { calibrate } from "./calibrate.js";
import { el, say } from "./dom.js";
import { find } from "./find.js";
import { jobs } from "./jobs.js";
import { people } from "./people.js";
import { study } from "./study.js";
import { texts } from "./texts.js";

const all = { find, people, calibrate, jobs, audit, study };
let screens = all;
const main = document.getElementById("main"), nav = document.querySelector("nav"), leave = document.getElementById("leave");
const chooser = document.querySelector(".gallery"), select = chooser.querySelector("select");
let who = null, close = null;

for (const e of document.querySelectorAll("[data-text]")) e.textContent = texts[e.dataset.text];

function show() {
    if (!who) return showLogin();
    const name = location.hash.slice(1) in screens ? location.hash.slice(1) : "find";
    for (const link of nav.children)
        link.hash === `#${name}` ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
    close?.();
    document.title = `${texts[name]} – secondlook`;
    close = screens[name](main, { gallery: select.value, who });
}

function showLogin() {
    const name = el("input", { id: "name", autocomplete: "username" });
    const key = el("input", { type: "password", id: "key", autocomplete: "current-password", required: true });
    const wrong = el("p", { class: "wrong", role: "alert" });
    main.replaceChildren(el("form", { class: "login card", onsubmit: async e => {
        e.preventDefault();
        try { await enter(key.value.trim(), name.value.trim()); } catch (error) { wrong.textContent = error.message; }
    } }, el("h1", {}, texts.login), el("label", { for: "name" }, texts.loginName), name,
        el("label", { for: "key" }, texts.key), key, wrong,
        el("button", { type: "submit" }, texts.open), el("p", { class: "help" }, texts.loginHelp)));
    name.focus();
}

async function enter(secret, name) {
    who = await login(secret, name);
    const { galleries } = await ask("GET", "/v1/galleries");
    const wanted = localStorage.getItem("gallery");
    galleries.sort((a, b) => b.faces - a.faces);
    select.replaceChildren(...galleries.map(g => el("option", { value: g.name }, g.name)));
    if (galleries.some(g => g.name === wanted)) select.value = wanted;
    const { audit: _, study: __, ...others } = all; // log and study are for those whom all galleries are open to
    screens = who.scope === "admin" && who.gallery === "*" ? all : others;
    nav.replaceChildren(...Object.keys(screens).map(name => el("a", { href: `#${name}` }, texts[name])));
    nav.hidden = chooser.hidden = leave.hidden = false;
    show();
}

select.addEventListener("change", () => { localStorage.setItem("gallery", select.value); show(); });
addEventListener("hashchange", () => { show(); main.focus(); });
leave.addEventListener("click", async () => { await logout().catch(() => {}); location.reload(); });
addEventListener("unhandledrejection", e => {
    if (e.reason?.status === 401) { who = null; showLogin(); } else say(String(e.reason?.message ?? e.reason));
});
enter().catch(showLogin);
