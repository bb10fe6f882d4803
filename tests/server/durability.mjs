// The server is killed while eight clients enrol: every face that it acknowledged is there when it runs again, and its
// gallery is sound. durability.mjs SERVER SECONDLOOK DATA PHOTOS
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";

const [server, secondlook, data, photos] = process.argv.slice(2);
const people = ["sample1", "sample2", "sample3", "sample4"].map(n => new Blob([readFileSync(`${photos}/${n}.png`)]));

function start() {
    const child = spawn(server, ["--data", data, "--port", "0", "--rate", "0"],
        { stdio: ["ignore", "pipe", "inherit"] });
    return new Promise((resolve, reject) => {
        let text = "";
        child.stdout.on("data", d => {
            text += d;
            const url = text.match(/http:\S+/), key = text.match(/once: (\S+)/);
            if (url && text.endsWith("\n")) setTimeout(() => resolve({ child, url: url[0],
                key: (text.match(/once: (\S+)/) ?? [])[1] }), key ? 0 : 50);
        });
        child.on("exit", code => reject(new Error(`the server ended: ${code}\n${text}`)));
    });
}
const ended = child => new Promise(done => child.once("exit", done));

const acknowledged = [];
let { child, url, key } = await start();
const id = key;
for (let round = 0; round < 3; round++) {
    let alive = true, count = 0;
    const over = ended(child);
    const killed = over.then(() => { alive = false; });
    const client = async n => {
        for (let i = 0; alive; i++) {
            const f = new FormData();
            f.append("image", people[(n + i) % people.length]);
            f.append("person", `person ${n}`);
            f.append("id", `${round}/${n}/${i}`);
            const reply = await fetch(`${url}/v1/galleries/main/faces`,
                { method: "POST", body: f, headers: { "x-api-key": id } }).catch(() => null);
            if (reply?.status === 201 && await reply.json().catch(() => null)) { acknowledged.push(`${round}/${n}/${i}`); count++; }
        }
    };
    const clients = Array.from({ length: 8 }, (_, n) => client(n));
    while (count < 12 + 7 * round) await new Promise(done => setTimeout(done, 5));
    child.kill("SIGKILL");
    await killed;
    await Promise.all(clients);
    execFileSync(secondlook, ["gallery", "verify", `${data}/galleries/main`]);
    execFileSync(server, ["audit", "verify", `${data}/audit.jsonl`]);
    ({ child, url } = await start());
    const kept = new Set();
    for (let page = 0, total = 1; page * 1000 < total; page++) {
        const reply = await (await fetch(`${url}/v1/galleries/main/faces?size=1000&page=${page}`,
            { headers: { "x-api-key": id } })).json();
        total = reply.total;
        for (const face of reply.items) kept.add(face.image);
    }
    assert.deepEqual(acknowledged.filter(image => !kept.has(image)), []);
}

// A request that comes again after the server died has the reply that it had, and enrols nothing.
const once = async () => {
    const reply = await fetch(`${url}/v1/galleries/main/faces`,
        { method: "POST", body: JSON.stringify({ image: Buffer.from(await people[0].arrayBuffer()).toString("base64"),
            person: "once" }),
        headers: { "x-api-key": id, "idempotency-key": "once", "content-type": "application/json" } });
    return [reply.status, await reply.json()];
};
const first = await once();
assert.equal(first[0], 201);
const dead = ended(child);
child.kill("SIGKILL");
await dead;
({ child, url } = await start());
assert.deepEqual(await once(), first);
assert.equal((await (await fetch(`${url}/v1/galleries/main/faces?person=once`, { headers: { "x-api-key": id } })).json()).total, 1);

// SIGTERM: what was begun is answered, and what was not read yet has not happened.
const f = new FormData();
f.append("image", people[0]);
f.append("person", "last");
const last = fetch(`${url}/v1/galleries/main/faces`, { method: "POST", body: f, headers: { "x-api-key": id } });
await new Promise(done => setTimeout(done, 20));
const over = ended(child);
child.kill("SIGTERM");
const reply = await last.catch(e => e);
assert.ok(reply.status === 201 || ["ECONNREFUSED", "UND_ERR_SOCKET"].includes(reply.cause?.code),
    String(reply.status ?? reply.cause));
assert.equal(await over, 0);
({ child, url } = await start());
assert.equal((await (await fetch(`${url}/v1/galleries/main/faces?person=last`, { headers: { "x-api-key": id } })).json()).total, reply.status === 201 ? 1 : 0);
const end = ended(child);
child.kill("SIGTERM");
assert.equal(await end, 0);
console.log(`${acknowledged.length} faces were acknowledged before three kills, and none is lost`);
