// The study's page from the disk, without any server: scripted participants of known accuracy go through it and save
// their answers; axe-core on each screen. static_page.mjs CLIENTS CHROMIUM STUDY ANSWERS SHOTS PARTICIPANTS
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { randomOf, takePart } from "./participant.mjs";

const [clients, executablePath, study, answers, shots, participants] = process.argv.slice(2);
const require = createRequire(join(clients, "package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const key = JSON.parse(readFileSync(join(study, "key.json"), "utf8"));
const address = pathToFileURL(resolve(study, "site/index.html")).href;
mkdirSync(shots, { recursive: true });
mkdirSync(answers, { recursive: true });
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });

async function check(page, name) {
    await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => axe.run());
    const serious = violations.filter(v => v.impact === "serious" || v.impact === "critical");
    assert.deepEqual(serious.map(v => [v.id, v.nodes.map(n => n.target.join())]), [], name);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${name} is ${overflow} pixels too wide`);
}

async function open(options) {
    const context = await browser.newContext(options), page = await context.newPage();
    page.on("pageerror", e => assert.fail(e));
    page.on("request", r => assert.ok(/^(file|blob):/.test(r.url()), r.url()));
    await page.goto(address);
    return page;
}

async function save(page) {
    const [download] = await Promise.all([page.waitForEvent("download"),
        page.getByRole("link", { name: "Save my answers" }).click()]);
    assert.match(download.suggestedFilename(), /^answers-[0-9a-f]{32}\.json$/);
    await download.saveAs(join(answers, download.suggestedFilename()));
    return JSON.parse(readFileSync(join(answers, download.suggestedFilename()), "utf8"));
}

// ---- nothing that a participant gets says what is right
const site = readFileSync(join(study, "site/study.json"), "utf8");
for (const { pairs } of JSON.parse(site).sets) for (const pair of pairs) assert.ok(!("same" in pair));
for (const { pairs, examples } of key.sets)
    for (const face of [...pairs,
        ...examples].flatMap(p => p.faces)) assert.ok(!site.includes(face.person) && !site.includes(face.image));

// ---- each screen, wide, and on a telephone in the dark; a reload in between goes on where it was
const views = [["wide", { viewport: { width: 1600, height: 1000 } }],
    ["phone-dark", { viewport: { width: 360, height: 740 }, colorScheme: "dark" }]];
for (const [name, options] of views) {
    const page = await open(options), seen = new Set();
    await check(page, `study-consent-${name}`);
    await takePart(page, key, {}, randomOf(1), {
        onExamples: (p, part) => part === 0 ? check(p, `study-examples-${name}`) : null,
        onPair: async (p, arm) => { seen.add(arm); await check(p, `study-pair-${arm}-${name}`); },
    });
    await check(page, `study-end-${name}`);
    assert.deepEqual([...seen].sort(), [...key.arms].sort());
    assert.ok(await page.getByRole("heading", { name: "Thank you!" }).isVisible());
    await page.context().close();
}
const again = await open({});
await again.getByRole("checkbox").check();
await again.getByRole("button", { name: "Begin" }).click();
await again.getByRole("button", { name: "Start with the pairs" }).click();
await again.waitForFunction(() => !document.querySelector(".answers button").disabled);
await again.keyboard.press("y");
await again.getByText("Pair 2 of").waitFor();
await again.reload();
await again.getByRole("checkbox").check();
await again.getByRole("button", { name: "Go on where you stopped" }).click();
await again.getByText("Pair 2 of").waitFor();

// ---- people of known accuracy, from beginning to saved file
const accuracy = { none: 0, cc: .7, flow: 1, h2l: .8, trust: 1 }, orders = new Set();
for (let i = 0; i < +participants; i++) {
    const page = await open({ acceptDownloads: true });
    await takePart(page, key, accuracy, randomOf(100 + i));
    const sheet = await save(page);
    assert.equal(sheet.answers.length, key.arms.length * key.sets[0].pairs.length);
    orders.add(sheet.answers.map(a => a.pair).join());
    await page.context().close();
}
assert.equal(orders.size, +participants); // nobody has another's order
await browser.close();
console.log(`${participants} participants went through the page`);
