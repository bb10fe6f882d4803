// The server under many clients for minutes: 64, of them 8 slow and 8 broken, that search, enrol and erase in one
// gallery. No answer may be other than the library's, no acknowledged face may be lost, memory must not grow. `make
// soak` runs it. soak.mjs SERVER SECONDLOOK FOLDER PHOTOS SECONDS
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { loadavg } from "node:os";
import { join } from "node:path";

const [server, secondlook, folder, photos, time] = process.argv.slice(2), seconds = +time;
const CLIENTS = 64, SLOW = 8, BROKEN = 8;
const sleep = ms => new Promise(done => setTimeout(done, ms));
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

// ---- people who stay, by whom answers are checked, and faces that come and go
const crops = join(folder, "crops");
execFileSync(secondlook, ["align", "--landmarks", "none", "--all-faces", photos, "-o", crops]);
const names = readdirSync(crops).filter(n => n.endsWith(".png")).sort();
const stay = Math.floor(names.length / 2);
const pictures = names.map(n => readFileSync(join(crops, n)));
console.log(`${names.length} faces: ${stay} stay, ${names.length - stay} come and go; ${seconds} s`);

// ---- the server
const child = spawn(server, ["--data", join(folder, "data"), "--port", "0", "--rate", "0", "--min-quality", "0",
    "--queue", "256"], { stdio: ["ignore", "pipe", "inherit"] });
const started = await new Promise(done => { let text = ""; child.stdout.on("data", d => { text += d; if (/once: \S+\n/.test(text)) done(text); }); });
const url = new URL(started.match(/http:\S+/)[0]), key = started.match(/once: (\S+)/)[1], g = "/v1/galleries/main";
let over = false;
child.on("exit", code => { if (!over) { console.error(`the server ended: ${code}`); process.exit(1); } });

const agent = new http.Agent({ keepAlive: true, maxSockets: CLIENTS });
function ask(method, path, fields, { pace = 0, key: as = key } = {}) {
    const edge = "edge", parts = [];
    for (const [name, value] of Object.entries(fields ?? {}))
        parts.push(Buffer.from(`--${edge}\r\nContent-Disposition: form-data; name="${name}"${Buffer.isBuffer(value) ? '; filename="a"' : ""}\r\n\r\n`), Buffer.isBuffer(value) ? value : Buffer.from(String(value)), Buffer.from("\r\n"));
    const body = fields ? Buffer.concat([...parts, Buffer.from(`--${edge}--\r\n`)]) : null;
    return new Promise((resolve, reject) => {
        const r = http.request({ host: url.hostname, port: url.port, method, path, agent, headers: { "x-api-key": as,
            ...(body ? { "content-type": `multipart/form-data; boundary=${edge}`,
                "content-length": body.length } : {}) } }, reply => {
            const chunks = [];
            reply.on("data", d => chunks.push(d));
            reply.on("end", () => { const text = Buffer.concat(chunks).toString(); resolve({ status: reply.statusCode, body: text.startsWith("{") ? JSON.parse(text) : text }); });
        });
        r.on("error", reject);
        if (!pace) return r.end(body);
        (async () => { for (let at = 0; at < body.length; at += 2000) { r.write(body.subarray(at, at + 2000)); await sleep(pace); } r.end(); })();
    });
}
// Busy is no failure, nor is a connection that was closed while it was idle: it is asked again. What was removed by the
// first try is not there at the second.
async function surely(method, ...more) {
    for (let again = false;;) {
        const reply = await ask(method, ...more).catch(error => {
            if (error.code !== "EPIPE" && error.code !== "ECONNRESET") throw error;
            return null;
        });
        if (reply?.status === 404 && again && method === "DELETE") return { status: 200 };
        if (reply && reply.status !== 503) return reply;
        again ||= !reply;
        await sleep(100);
    }
}
for (let i = 0; i < stay; i++)
    assert.equal((await surely("POST", `${g}/faces`,
        { image: pictures[i], person: `face ${i}`, id: `stay ${i}`, aligned: "true" })).status, 201);
// What the library says, of the same faces as the server stored them.
const library = join(folder, "data", "galleries", "main"), identify = list => JSON.parse(execFileSync(secondlook,
    ["identify", "--gallery", library, "--aligned", "--json", "--top", "1", ...list],
    { encoding: "utf8", maxBuffer: 1 << 28 }));
const expected = identify(names.slice(0, stay).map(n => join(crops, n))).queries.map(q => q.faces[0].candidates[0]);

// ---- the clients
const end = Date.now() + 1000 * seconds, latency = [],
    count = { searched: 0, enrolled: 0, erased: 0, broken: 0, wrong: 0 }, alive = new Set();
async function search(pace) {
    const i = Math.floor(Math.random() * stay), from = performance.now();
    const reply = await surely("POST", `${g}/identify?top=1&aligned=true`, { image: pictures[i] }, { pace });
    if (!pace) latency.push(performance.now() - from);
    const best = reply.body.faces?.[0]?.candidates[0];
    count.searched++;
    if (reply.status !== 200 || best?.person !== expected[i].label || Math.abs(best.score - expected[i].score) > 1e-5) {
        count.wrong++;
        console.error("wrong:", reply.status, JSON.stringify(best), "is not", JSON.stringify(expected[i]));
    }
}
async function change(n, own, pace) {
    if (own.length > 0 && Math.random() < 0.4) {
        const id = own.shift();
        const reply = await surely("DELETE", `${g}/faces/${encodeURIComponent(id)}`);
        assert.equal(reply.status, 200, JSON.stringify(reply.body));
        alive.delete(id);
        count.erased++;
        return;
    }
    const id = `${n}/${own.count = (own.count ?? 0) + 1}`, i = stay + Math.floor(Math.random() * (names.length - stay));
    const reply = await surely("POST", `${g}/faces`, { image: pictures[i], person: `client ${n}`, id, aligned: "true" },
        { pace });
    assert.equal(reply.status, 201, JSON.stringify(reply.body));
    assert.equal((await surely("GET", `${g}/faces/${encodeURIComponent(id)}`)).status, 200,
        "what is acknowledged is found");
    own.push(id);
    alive.add(id);
    count.enrolled++;
}
async function breakIt() {
    const socket = net.connect(+url.port, url.hostname),
        head = (size, more = "") => `POST ${g}/identify HTTP/1.1\r\nHost: a\r\nx-api-key: ${key}\r\nContent-Type: multipart/form-data; boundary=b\r\n${more}Content-Length: ${size}\r\n\r\n`;
    socket.on("error", () => {});
    const ways = [() => socket.write(head(50000)), () => socket.write(Buffer.alloc(300, 0xff)),
        () => socket.write(head(5, "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n"),
        () => { socket.write(head(9) + "--b\r\nbad\r\n"); socket.end(); }, () => socket.write("GET / HTTP/1.1\r\n"),
        () => socket.write(head(100000) + "x".repeat(5000))];
    ways[Math.floor(Math.random() * ways.length)]();
    await sleep(50 + 100 * Math.random());
    socket.destroy();
    count.broken++;
}
async function client(n) {
    const broken = n < BROKEN, pace = n < BROKEN + SLOW ? 20 : 0, own = [];
    while (Date.now() < end)
        if (broken) await breakIt();
        else if (Math.random() < 0.25) await change(n, own, pace);
        else await search(pace);
}
const memory = [];
async function watch() {
    for (let i = 0; Date.now() < end; i++) {
        await sleep(1000);
        memory.push(+readFileSync(`/proc/${child.pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)[1] / 1024);
        if (i % 60 === 59) await ask("POST", `${g}/jobs`, { kind: "compact" });
    }
}
await Promise.all([watch(), ...Array.from({ length: CLIENTS }, (_, n) => client(n))]);

// ---- what came of it
const kept = new Set();
for (let page = 0, total = 1; page * 1000 < total; page++) {
    const { body } = await surely("GET", `${g}/faces?size=1000&page=${page}`);
    total = body.total;
    for (const face of body.items) kept.add(face.image);
}
const lost = [...alive].filter(id => !kept.has(id)),
    back = [...kept].filter(id => !id.startsWith("stay ") && !alive.has(id));
latency.sort((a, b) => a - b);
const at = q => latency[Math.floor(q * (latency.length - 1))]?.toFixed(0),
    mean = list => list.reduce((a, b) => a + b, 0) / list.length;
const third = Math.floor(memory.length / 3), before = mean(memory.slice(third, 2 * third)),
    after = mean(memory.slice(2 * third));
console.log(JSON.stringify(count),
    `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; memory ${before.toFixed(0)} then ${after.toFixed(0)} MB; lost ${lost.length}, come back ${back.length}; load ${loadavg()[0].toFixed(1)}`);

over = true;
child.kill("SIGTERM");
await new Promise(done => child.once("exit", done));
execFileSync(secondlook, ["gallery", "verify", join(folder, "data", "galleries", "main")]);
execFileSync(server, ["audit", "verify", join(folder, "data", "audit.jsonl")]);
assert.equal(count.wrong, 0);
for (const [kind, n] of Object.entries(count)) assert.ok(n > 0 || kind === "wrong", `nobody ${kind}`);
assert.deepEqual([lost, back], [[], []]);
assert.ok(after < 1.1 * before + 16, "memory grows");
console.log("no wrong answer, no lost face, memory stays; the gallery and the log are sound");
