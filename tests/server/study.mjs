// The study as the server serves it: scripted participants from start to score, what else arrives there, and the page's
// screen. study.mjs CLIENTS CHROMIUM URL KEY STUDY SHOTS
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { randomOf, takePart } from "../study/participant.mjs";

const [clients, executablePath, url, key, study, shots] = process.argv.slice(2);
const require = createRequire(join(clients, "package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const truth = JSON.parse(readFileSync(join(study, "key.json"), "utf8"));
mkdirSync(shots, { recursive: true });
const as = secret => ({ headers: { "x-api-key": secret } });
const told = async () => (await fetch(`${url}/v1/study`, as(key))).json();
const { address } = await told();
const here = url + address;

// ---- what can be had without a key, and what not
assert.equal((await fetch(here)).status, 200);
assert.equal((await fetch(here.slice(0, -1), { redirect: "manual" })).status, 308);
const site = await (await fetch(`${here}study.json`)).json();
assert.equal((await fetch(here + site.sets[0].pairs[0].faces[0])).headers.get("content-type"), "image/jpeg");
const absent = ["key.json", "..%2fkey.json", "%2e%2e/key.json", "tiles/..%2f..%2fkey.json", "answers.jsonl", "answers",
    "tiles", "tiles/none.jpg"];
for (const path of absent) assert.ok([400, 404].includes((await fetch(here + path)).status), path);
assert.equal((await fetch(`${url}/study/${"0".repeat(64)}/`)).status, 404);
for (const path of ["", "/chart", "/csv"]) assert.equal((await fetch(`${url}/v1/study${path}`)).status, 401);
const reader = await (await fetch(`${url}/v1/keys`,
    { method: "POST", body: JSON.stringify({ name: "r", gallery: "main", scope: "admin" }),
    headers: { "x-api-key": key, "content-type": "application/json" } })).json();
assert.equal((await fetch(`${url}/v1/study`, as(reader.key))).status, 403);
assert.equal((await fetch(`${url}/v1/study/chart`, as(key))).status, 404); // of nobody

// ---- what arrives that is no answer, or is one twice
const post = body => fetch(`${here}answers`, { method: "POST", body, headers: { "content-type": "application/json" } });
const sheet = (participant, same) => JSON.stringify({ format: "secondlook-study-answers", version: 1,
    study: truth.study, participant,
    rotation: 0, answers: [{ arm: truth.arms[0], pair: truth.sets[0].pairs[0].pair, same, ms: 1000 }] });
for (const [body, status] of [["", 422], ["{", 400], ["[]", 422], [sheet("a b", true), 422], [sheet("one", "yes"), 422],
    [sheet("one", true).replace(truth.study, "0".repeat(64)), 422], [sheet("big", true) + " ".repeat(70000), 413]]) {
    const reply = await post(body);
    assert.equal(reply.status, status, body.slice(0, 80));
    assert.equal(reply.headers.get("content-type"), "application/problem+json");
}
assert.equal((await told()).participants, 0);
assert.equal((await post(sheet("one", true))).status, 201);
assert.equal((await post(sheet("one", true))).status, 201);
assert.equal((await post(sheet("one", false))).status, 409);
const one = await told();
assert.deepEqual([one.participants, one.arms[0].incomplete], [1, 1]);

// ---- people in a browser, from start to score
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
async function open(options, at) {
    const context = await browser.newContext(options), page = await context.newPage();
    page.on("pageerror", e => assert.fail(e));
    page.on("console", m => { if (/Content Security Policy/.test(m.text())) assert.fail(m.text()); });
    await page.goto(at);
    return page;
}
const accuracy = { none: 0, cc: 1, flow: 1, h2l: 1, trust: 1 };
for (let i = 0; i < 3; i++) {
    const page = await open(i === 2 ? { viewport: { width: 360, height: 740 } } : {}, here);
    await takePart(page, truth, accuracy, randomOf(i));
    await page.getByText("Your answers have arrived").waitFor();
    await page.context().close();
}
const end = await told();
assert.equal(end.participants, 4);
for (const arm of end.arms) assert.deepEqual([arm.participants, arm.mean], [3, arm.arm === "none" ? 0 : 100], arm.arm);
assert.equal(end.differences.find(d => d.a === "flow" && d.b === "none").p, .25); // 2 of 2^3
assert.match(await (await fetch(`${url}/v1/study/csv`, as(key))).text(),
    /^participant,arm,place,.*\r\none,none,1,3,1,/);

// ---- the screen
async function check(page, name) {
    await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => axe.run());
    const serious = violations.filter(v => v.impact === "serious" || v.impact === "critical");
    assert.deepEqual(serious.map(v => [v.id, v.nodes.map(n => n.target.join())]), [], name);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${name} is ${overflow} pixels too wide`);
}
for (const [name, options] of [["wide", { viewport: { width: 1600, height: 1000 } }],
    ["phone-dark", { viewport: { width: 360, height: 740 }, colorScheme: "dark" }]]) {
    const page = await open(options, url);
    await page.getByLabel("Password or key").fill(key);
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "Study" }).click();
    await page.getByText("4 participants have answered").waitFor();
    assert.equal(await page.locator(".address").textContent(), here);
    await page.locator(".studychart").evaluate(i => i.decode());
    const row = page.locator("tbody tr").filter({ hasText: "flow (D)" }).first();
    assert.match((await row.textContent()).replace(/\s+/g, " "), /^flow \(D\)3100\.0/);
    await check(page, `study-results-${name}`);
    await page.context().close();
}
await browser.close();
console.log("the study was taken from start to score");
