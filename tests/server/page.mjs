// The page in Debian's chromium: login, Find with its reasons, People with all that can be done there; axe-core on each
// screen. page.mjs CLIENTS CHROMIUM URL KEY PHOTOS SHOTS; pictures of the screens go to SHOTS.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [clients, executablePath, url, key, photos, shots] = process.argv.slice(2);
const require = createRequire(join(clients, "package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
mkdirSync(shots, { recursive: true });

const made = await fetch(`${url}/v1/galleries`, { method: "POST", body: JSON.stringify({ name: "page" }),
    headers: { "x-api-key": key, "content-type": "application/json" } });
assert.equal(made.status, 201);
// What the camera sees: a film of one JPEG.
copyFileSync(join(photos, "group.jpg"), join(shots, "camera.mjpeg"));
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${join(shots, "camera.mjpeg")}`] });
const wide = { viewport: { width: 1600, height: 1000 } };
// The policy forbids what axe-core does to be injected; every other page of this test runs under it.
async function check(page, name) {
    await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => axe.run());
    const serious = violations.filter(v => v.impact === "serious" || v.impact === "critical");
    assert.deepEqual(serious.map(v => [v.id, v.nodes.map(n => n.target.join())]), [], name);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${name} is ${overflow} pixels too wide`);
}
async function login(options, secret = key, name = "") {
    const context = await browser.newContext(options), page = await context.newPage();
    page.on("pageerror", e => assert.fail(e));
    page.on("console", m => { if (/Content Security Policy/.test(m.text())) assert.fail(m.text()); });
    await page.goto(url);
    await page.getByLabel("Password or key").fill("00000000-0000-4000-8000-000000000000");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "not known" }).waitFor();
    if (name)
        await page.getByLabel("Name").fill(name);
    await page.getByLabel("Password or key").fill(secret);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Who is this?" }).waitFor();
    return page;
}

const page = await login(wide);

// ---- what a first visit weighs, and that nothing of it comes from elsewhere
const weight = await page.evaluate(() => [...performance.getEntriesByType("navigation"),
    ...performance.getEntriesByType("resource")]
    .map(e => [e.name, e.encodedBodySize]));
assert.ok(weight.every(([name]) => new URL(name).origin === new URL(url).origin), weight.join());
const files = new Map(weight.filter(([name]) => !name.includes("/v1/"))),
    bytes = [...files.values()].reduce((sum, n) => sum + n, 0);
assert.ok(files.size > 10 && files.size < 25 && bytes > 20000 && bytes < 80000,
    `${bytes} bytes in ${files.size} requests`);
console.log(`a first visit: ${bytes} bytes in ${files.size} requests`);

// ---- People: add, with the reason of a refusal; a name that is HTML stays text
await page.getByRole("combobox").selectOption("page");
await page.getByRole("link", { name: "People" }).click();
const add = async (person, ...files) => {
    await page.getByLabel("Add photos of").fill(person);
    await page.locator("#photos").setInputFiles(files.map(f => join(photos, f)));
    await page.locator(".files li").nth(files.length - 1).filter({ hasText: /enrolled|face|picture/ }).waitFor();
    return page.locator(".files li").allTextContents();
};
const told = await add("<img src=x onerror=alert(1)>", "sample1.png", "grey.jpg");
assert.match(told[0], /sample1.png: enrolled/);
assert.match(told[1], /grey.jpg: no face/);
await add("Bob", "sample2.png", "sample4.png");
await add("Eve", "sample3.png");
await page.getByText("<img src=x onerror=alert(1)>", { exact: true }).waitFor();
await page.getByRole("button", { name: "Rename: <img" }).click();
await check(page, "people-rename");
await page.getByLabel("New name").fill("Ann");
await page.keyboard.press("Enter");
await page.locator(".name", { hasText: /^Ann$/ }).waitFor();
await page.getByRole("button", { name: "Remove: Eve" }).click();
await page.locator(".name", { hasText: "Eve" }).waitFor({ state: "detached" });
await page.reload(); // the server holds it, not the page
await page.locator(".name", { hasText: "Bob" }).waitFor();
await page.getByText("Undo (2 changes)").click();
await check(page, "people-undo");
await page.getByRole("button", { name: "Undo: Eve is removed." }).click();
await page.locator(".name", { hasText: "Eve" }).waitFor();
await page.getByText("Undo (1 change)").click();
await page.getByLabel("Search names").fill("an");
await page.locator(".name", { hasText: "Bob" }).waitFor({ state: "detached" });
await page.getByLabel("Search names").fill("");
await page.locator(".name", { hasText: "Bob" }).waitFor();
await check(page, "people");

assert.match(await page.locator(".person", { hasText: "Bob" }).locator(".badge").textContent(),
    /^(good|fair|poor) 0\.\d\d$/);

// ---- one person's photos, each with its quality; one is done without
await page.getByRole("button", { name: "2 photos: Bob" }).click();
await page.locator("dialog img").nth(1).waitFor();
assert.equal(await page.locator("dialog .badge").count(), 2);
await check(page, "people-photos");
await page.getByRole("button", { name: "Remove: Photo 2" }).click();
await page.locator("dialog li").nth(1).waitFor({ state: "detached" });
await page.getByRole("button", { name: "Close" }).click();
await page.getByRole("button", { name: "1 photo: Bob" }).waitFor();

// ---- Find: a file, then a drop, then the clipboard; the reasons by slider
await page.getByRole("link", { name: "Find" }).click();
await page.locator("#photo").setInputFiles(join(photos, "sample1.png"));
await page.getByRole("heading", { name: "This is Ann." }).waitFor();
await page.locator(".whole[src]").waitFor({ state: "attached" });
for (const [at, says] of [[0, "The photo"], [2, "What each part says"], [3, "What flows"], [4, "The enrolled face"],
    [1, "What is believed"]]) {
    await page.locator("#fade").fill(String(at));
    assert.match(await page.locator(".caption").textContent(), new RegExp(says));
    await page.waitForFunction(n => { const i = document.querySelector(`.layer[data-layer="${n}"]`); return i.complete && i.naturalWidth > 0 && i.style.opacity === "1"; }, at);
}
await page.getByText("The whole comparison").click();
await check(page, "find-match");
const give = (name, type, how) => page.evaluate(([data, type, how]) => {
    const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0)), given = new DataTransfer();
    given.items.add(new File([bytes], "photo", { type }));
    how === "drop" ? document.querySelector(".zone").dispatchEvent(new DragEvent("drop",
        { dataTransfer: given, bubbles: true }))
        : document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: given }));
}, [readFileSync(join(photos, name)).toString("base64"), type, how]);
await give("sample6.png", "image/png", "drop");
await page.getByRole("heading", { name: "Nobody we know." }).waitFor();
await give("group.jpg", "image/jpeg", "paste");
await page.getByRole("button", { name: "Face 3 of 3" }).waitFor();
await page.getByRole("button", { name: "Face 2 of 3" }).focus();
await page.keyboard.press("Enter");
assert.equal(await page.getByRole("button", { name: "Face 2 of 3" }).getAttribute("aria-pressed"), "true");
await page.locator(".whole[src]").waitFor({ state: "attached" });
await check(page, "find-group");
await page.locator("#photo").setInputFiles(join(photos, "grey.jpg"));
await page.getByText("No face was found").waitFor();

// ---- Find: the camera
await page.getByRole("button", { name: "Use the camera" }).click();
await page.waitForFunction(() => document.querySelector("video").videoWidth > 0);
await check(page, "find-camera");
await page.getByRole("button", { name: "Take the photo" }).click();
await page.getByRole("button", { name: "Face 3 of 3" }).waitFor();
assert.ok(await page.evaluate(() => document.querySelector("video").srcObject === null), "the camera is closed again");

// ---- Calibrate: a curve, a rate, what it means; too few faces to measure, which is said
await page.getByRole("link", { name: "Calibrate" }).click();
await page.locator(".chart .curve").first().waitFor();
const thresholds = () => page.locator(".result .plain li").allTextContents();
await page.locator("#rate").fill("0");
const common = await thresholds();
await page.locator("#rate").fill("10");
await page.getByText("one in 1000 searches").first().waitFor();
assert.ok(parseFloat((await thresholds())[0].match(/0\.\d+/)) > parseFloat(common[0].match(/-?0\.\d+/)),
    "a rarer rate wants a higher threshold");
await page.getByLabel("Searches for strangers a day").fill("5000");
await page.getByText("about 5.0 false matches a day").waitFor();
await page.getByRole("button", { name: "Use this rate" }).click();
await page.getByText("allow one false match in 1000.").waitFor();
await page.getByRole("button", { name: "Calibrate this gallery" }).click();
await page.locator(".wrong", { hasText: "100" }).waitFor();
await check(page, "calibrate");
await page.getByRole("link", { name: "Find" }).click();
await page.locator("#photo").setInputFiles(join(photos, "sample1.png"));
await page.getByText("lets one in 1000 searches").waitFor();

// ---- Jobs: begun, followed to their end, what came of them
await page.getByRole("link", { name: "Jobs" }).click();
await page.getByLabel("For page").selectOption("duplicates");
await page.getByRole("button", { name: "Begin" }).click();
await page.locator(".job", { hasText: "The same photo twice: 0" }).waitFor();
await check(page, "jobs");

// ---- Audit: the latest lines, one kind of them, one person's; the chain holds
await page.getByRole("link", { name: "Audit" }).click();
await page.getByText("The chain holds").waitFor();
await page.locator("tbody tr").nth(5).waitFor();
await page.getByLabel("What").selectOption("rename");
await page.getByLabel("Whom").fill("ONERROR");
await page.getByText("1 line, the latest").waitFor();
assert.match(await page.locator("tbody tr").first().textContent(), /rename.*<img src=x onerror=alert\(1\)>/);
await page.getByLabel("What").selectOption("enrol");
await page.locator("tbody td", { hasText: /^enrol$/ }).waitFor();
await page.getByLabel("Whom").fill("nobody has such a name");
await page.getByText("No line is like that.").waitFor();
await page.getByLabel("Whom").fill("");
await page.locator("tbody tr").nth(2).waitFor();
await check(page, "audit");

// ---- a telephone, in the dark
await fetch(`${url}/v1/keys`, { method: "POST",
    body: JSON.stringify({ name: "Grace", password: "a long sentence", gallery: "*", scope: "admin" }),
    headers: { "x-api-key": key, "content-type": "application/json" } });
const phone = await login({ viewport: { width: 360, height: 740 }, colorScheme: "dark" }, "a long sentence", "Grace");
await phone.getByRole("combobox").selectOption("page");
await phone.locator("#photo").setInputFiles(join(photos, "sample2.png"));
await phone.getByRole("heading", { name: "This is Bob." }).waitFor();
await phone.locator(".whole[src]").waitFor({ state: "attached" });
await check(phone, "find-phone-dark");
await phone.getByRole("link", { name: "People" }).click();
await phone.locator(".name", { hasText: "Bob" }).waitFor();
await check(phone, "people-phone-dark");
await phone.getByRole("link", { name: "Calibrate" }).click();
await phone.locator(".chart .curve").first().waitFor();
await check(phone, "calibrate-phone-dark");
await phone.getByRole("link", { name: "Jobs" }).click();
await phone.locator(".job").first().waitFor();
await check(phone, "jobs-phone-dark");
await phone.getByRole("link", { name: "Audit" }).click();
await phone.locator("tbody tr").nth(3).waitFor();
await phone.getByText("The chain holds").waitFor();
await check(phone, "audit-phone-dark");
await phone.getByRole("link", { name: "Study" }).click();
await phone.getByRole("button", { name: "Make a study of page" }).waitFor();
await check(phone, "study-none-phone-dark");
await phone.getByRole("button", { name: "Log out" }).click();
await phone.getByRole("heading", { name: "Log in" }).waitFor();
await check(phone, "login-phone-dark");

await browser.close();
console.log("each screen was used, and axe-core finds nothing serious");
