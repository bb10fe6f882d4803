// The native API. own_api.mjs URL KEY PHOTOS
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [url, key, photos] = process.argv.slice(2);
const picture = name => new Blob([readFileSync(`${photos}/${name}`)]);
const form = fields => {
    const f = new FormData();
    for (const [name, value] of Object.entries(fields)) f.append(name, value);
    return f;
};
const sent = []; // of every request that was answered: method, path, names of what was asked
async function call(method, path, body, headers = {}) {
    const plain = body && !(body instanceof FormData) && !Buffer.isBuffer(body);
    const response = await fetch(url + path, { method, body: plain ? JSON.stringify(body) : body,
        headers: { "x-api-key": key, ...(plain ? { "content-type": "application/json" } : {}), ...headers } });
    const type = response.headers.get("content-type") ?? "";
    const where = new URL(path, url),
        asked = body instanceof FormData ? [...body.keys()] : plain ? Object.keys(body) : [];
    if (response.ok && method !== "PUT") sent.push([method.toLowerCase(), where.pathname,
        [...where.searchParams.keys(), ...asked]]);
    const text = /^(image|application.x-tar)/.test(type) ? await response.arrayBuffer() : await response.text();
    return { status: response.status, type, headers: response.headers,
        body: /json/.test(type) && text ? JSON.parse(text) : text };
}
async function ok(status, ...request) {
    const reply = await call(...request);
    assert.equal(reply.status, status, JSON.stringify(reply.body));
    return reply.body;
}
async function refused(status, ...request) {
    const reply = await call(...request);
    assert.equal(reply.status, status, JSON.stringify(reply.body));
    assert.equal(reply.type, "application/problem+json");
    assert.equal(reply.body.status, status);
    assert.ok(reply.body.detail && reply.headers.get("x-request-id") === reply.body.request);
}

// ---- galleries
const g = "/v1/galleries/staff";
assert.equal((await ok(201, "POST", "/v1/galleries", { name: "staff" })).name, "staff");
await refused(409, "POST", "/v1/galleries", { name: "staff" });
for (const bad of ["../x", ".x", "a/b", "", "x".repeat(65)]) await refused(400, "POST", "/v1/galleries", { name: bad });
await refused(404, "GET", "/v1/galleries/none");
await refused(405, "PATCH", "/v1/galleries");
await refused(404, "GET", "/v1/none");

// ---- faces
const ann = await ok(201, "POST", `${g}/faces`, form({ image: picture("sample1.png"), person: "Ann",
    id: "badge/17 é.jpg" }));
assert.equal(ann.image, "badge/17 é.jpg");
assert.match(ann.id, /^[0-9a-f-]{14}8/);
assert.deepEqual(await ok(201, "POST", `${g}/faces`,
    form({ image: picture("sample1.png"), person: "Ann", id: "badge/17 é.jpg" })), ann);
await refused(409, "POST", `${g}/faces`, form({ image: picture("sample2.png"), person: "Ann", id: "badge/17 é.jpg" }));
await refused(422, "POST", `${g}/faces`, form({ image: picture("grey.jpg"), person: "Ann" }));
await refused(422, "POST", `${g}/faces`, form({ image: new Blob(["no picture"]), person: "Ann" }));
await refused(400, "POST", `${g}/faces`, form({ image: picture("sample1.png") }));
await refused(400, "POST", `${g}/faces`, form({ image: picture("sample1.png"), person: "a\u202eb" }));
const once = { "idempotency-key": "first try" };
const bob = await ok(201, "POST", `${g}/faces`, { image: readFileSync(`${photos}/sample2.png`).toString("base64"),
    person: "Bob" }, once);
assert.deepEqual(await ok(201, "POST", `${g}/faces`,
    { image: readFileSync(`${photos}/sample2.png`).toString("base64"), person: "Bob" }, once), bob);
await refused(422, "POST", `${g}/faces`, { image: "", person: "Bob" }, once);
assert.equal((await ok(200, "GET", `${g}/faces`)).total, 2);
assert.equal((await ok(200, "GET", `${g}/faces/${ann.id}`)).person, "Ann");
assert.equal((await ok(200, "GET", `${g}/faces?person=Bob`)).items[0].id, bob.id);
assert.equal((await call("GET", `${g}/faces/${ann.id}/crop`)).type, "image/jpeg");
await refused(404, "GET", `${g}/faces/00000000-0000-4000-8000-000000000000/crop`);

// ---- searches
const answer = await ok(200, "POST", `${g}/identify?top=2`, form({ image: picture("sample1.png") }));
assert.equal(answer.faces.length, 1);
assert.equal(answer.faces[0].decision, "match");
assert.deepEqual(answer.faces[0].candidates.map(c => c.person), ["Ann", "Bob"]);
assert.ok(answer.faces[0].candidates[0].score >= answer.faces[0].threshold && answer.rule.promise === "fpir");
assert.equal(answer.fingerprint.length, 64);
assert.equal(answer.rerank, "oae"); // and by name it counts as much beside the query encoder as by itself
assert.deepEqual((await ok(200, "POST", `${g}/identify?top=2`, form({ image: picture("sample1.png"), rerank: "oae" })))
    .faces[0].candidates, answer.faces[0].candidates);
const strict = await ok(200, "POST", `${g}/identify?threshold=1`, form({ image: picture("sample3.png") }));
assert.equal(strict.faces[0].decision, "unknown");
assert.equal((await ok(200, "POST", `${g}/identify`, form({ image: picture("sample1.png"), rerank: "none" }))).rerank,
    "none");
await refused(400, "POST", `${g}/identify`, form({ image: picture("sample1.png"), rerank: "magic" }));
await refused(400, "POST", `${g}/identify`, form({ image: picture("sample1.png"), fpir: "0.01", far: "0.01" }));
assert.equal((await ok(200, "POST", `${g}/verify`, form({ image: picture("sample1.png"), person: "Ann" }))).decision,
    "match");
assert.equal((await ok(200, "POST", `${g}/verify`, form({ image: picture("sample1.png"), person: "Bob" }))).decision,
    "unknown");
await refused(404, "POST", `${g}/verify`, form({ image: picture("sample1.png"), person: "Nobody" }));
assert.equal((await ok(200, "POST", "/v1/verify",
    form({ image_a: picture("sample1.png"), image_b: picture("sample1.png") }))).decision, "match");
assert.equal((await ok(200, "POST", "/v1/detect", form({ image: picture("group.jpg") }))).faces.length, 3);
for (const part of ["pair", "trust", "shares", "flow", "query"]) {
    const drawn = await call("POST", `${g}/explain`, form({ image: picture("sample1.png"), face: ann.id, part }));
    assert.equal(drawn.type, "image/png", drawn.body.detail);
    assert.ok(drawn.body.byteLength > 1000);
}
await refused(400, "POST", `${g}/explain`, form({ image: picture("sample1.png"), face: ann.id, part: "magic" }));

// ---- the reasons beside an answer: a picture, or the address of pictures for some minutes and for whoever asked
const drawn = await ok(200, "POST", `${g}/identify?top=1`, form({ image: picture("sample1.png"), explain: "png" }));
assert.deepEqual([...Buffer.from(drawn.faces[0].explain, "base64").subarray(1, 4)], [80, 78, 71]);
const { explain } = (await ok(200, "POST", `${g}/identify?top=1&explain=url`,
    form({ image: picture("sample1.png") }))).faces[0];
assert.equal((await call("GET", `${explain}?face=${ann.id}&part=pair`)).type, "image/png");
assert.equal((await call("GET", `${explain}?part=query`)).type, "image/png");
await refused(404, "GET", `${explain}?face=${ann.id.replace(/./, c => c === "0" ? "1" : "0")}`);
await refused(404, "GET", "/v1/explanations/none");
await refused(400, "POST", `${g}/identify`, form({ image: picture("sample1.png"), explain: "song" }));

// ---- many photos at once: each has its answer, or what is wrong with it
const several = form({ top: "1" });
for (const name of ["sample1.png", "grey.jpg", "group.jpg"]) several.append("image", picture(name));
several.append("image", new Blob(["no picture"]));
const batch = await ok(200, "POST", `${g}/batch`, several);
assert.deepEqual(batch.photos.map(p => p.faces?.length ?? "wrong"), [1, 0, 3, "wrong"]);
assert.equal(batch.photos[0].faces[0].candidates[0].person, "Ann");
assert.deepEqual((await ok(200, "POST", `${g}/batch`,
    { images: [readFileSync(`${photos}/sample1.png`).toString("base64"), "!"] }))
    .photos.map(p => p.faces?.length ?? p.error), [1, "the picture is not base64"]);
await refused(400, "POST", `${g}/batch`, form({}));

// ---- metadata: with a face when it is enrolled, later, and of people; it goes with them
const eve = await ok(201, "POST", `${g}/faces`, form({ image: picture("sample3.png"), person: "Eve",
    metadata: '{"room": 7}' }));
assert.deepEqual((await ok(200, "GET", `${g}/faces/${eve.id}`)).metadata, { room: 7 });
await refused(400, "POST", `${g}/faces`, form({ image: picture("sample3.png"), person: "Eve", metadata: "[1]" }));
await ok(204, "PUT", `${g}/faces/${eve.id}/metadata`, { room: 8, floor: { name: "é" } });
await ok(204, "PUT", `${g}/people/Eve/metadata`, { badge: 1 });
await refused(400, "PUT", `${g}/people/Eve/metadata`, { much: "x".repeat(5000) });
await refused(404, "PUT", `${g}/people/Nobody/metadata`, {});
assert.deepEqual((await ok(200, "GET", `${g}/faces?person=Eve`)).items[0].metadata, { room: 8, floor: { name: "é" } });
await ok(200, "POST", `${g}/people/Eve/rename`, { to: "Eva" });
assert.deepEqual((await ok(200, "GET", `${g}/people?q=Eva`)).items[0].metadata, { badge: 1 });
await ok(204, "DELETE", `${g}/people/Eva/metadata`);
assert.equal((await ok(200, "GET", `${g}/people?q=Eva`)).items[0].metadata, undefined);
await ok(200, "DELETE", `${g}/people/Eva`);
await ok(201, "POST", `${g}/faces`, form({ image: picture("sample3.png"), person: "Eve", id: eve.image }));
assert.equal((await ok(200, "GET", `${g}/faces/${eve.id}`)).metadata, undefined, "what was erased does not come back");
await ok(200, "DELETE", `${g}/people/Eve`);

// ---- people
const renamed = await ok(200, "POST", `${g}/people/Bob/rename`, { to: "Zoë" });
assert.equal(renamed.faces, 1);
assert.deepEqual((await ok(200, "GET", `${g}/people?q=zo`)).items.map(p => p.name), ["Zoë"]);
assert.equal((await ok(200, "POST", `${g}/people/${encodeURIComponent("Zoë")}/rename`, { to: "Ann" })).faces, 1);
assert.equal((await ok(200, "GET", `${g}/people`)).items[0].faces, 2);
await refused(404, "POST", `${g}/people/Zo%C3%AB/rename`, { to: "x" });
const removed = await ok(200, "DELETE", `${g}/faces/${bob.id}`);
assert.equal(removed.faces, 1);
await refused(404, "DELETE", `${g}/faces/${bob.id}`);

// ---- undo: a removal with its metadata, two people who were joined; once, and until the gallery is compacted
await ok(204, "PUT", `${g}/people/Ann/metadata`, { badge: 2 });
const undone = undo => ok(200, "POST", `${g}/undo`, { undo });
const people = async () => (await ok(200, "GET",
    `${g}/people`)).items.map(p => `${p.name} ${p.faces} ${p.metadata?.badge ?? ""}`);
const before = await people(), searched = (await ok(200, "POST", `${g}/identify`,
    form({ image: picture("sample1.png") }))).faces[0].candidates;
const gone = await ok(200, "DELETE", `${g}/people/Ann`);
assert.deepEqual(await people(), []);
assert.deepEqual(await undone(gone.undo), { faces: 1 });
assert.deepEqual(await undone(gone.undo), { faces: 0 });
assert.deepEqual(await people(), before);
assert.deepEqual((await ok(200, "POST", `${g}/identify`, form({ image: picture("sample1.png") }))).faces[0].candidates,
    searched);
await ok(201, "POST", `${g}/faces`, form({ image: picture("sample3.png"), person: "Dan" }));
const joined = await ok(200, "POST", `${g}/people/Ann/rename`, { to: "Dan" });
assert.deepEqual(await people(), ["Dan 2 2"]);
assert.deepEqual(await undone(joined.undo), { faces: 1 });
assert.deepEqual(await people(), ["Ann 1 2", "Dan 1 "]);
await ok(200, "DELETE", `${g}/people/Dan`);
for (const bad of ["", "1-2", "0-0-zz", "1-2-3x", "1-9-3"]) await refused(400, "POST", `${g}/undo`, { undo: bad });
await refused(409, "POST", `${g}/undo`, { undo: removed.undo.replace(/^\w+/, "7") });

// ---- jobs and their events
async function job(kind, more = {}) {
    return follow(await call("POST", `${g}/jobs`, { kind, ...more }));
}
async function follow(begun) {
    assert.equal(begun.status, 202, JSON.stringify(begun.body));
    assert.equal(begun.headers.get("location"), `/v1/jobs/${begun.body.id}`);
    const events = await ok(200, "GET", `/v1/jobs/${begun.body.id}/events`);
    assert.match(events, /event: end\ndata: {"state":"(done|failed)"/);
    return ok(200, "GET", `/v1/jobs/${begun.body.id}`);
}
// no listener misses the end
for (const { state } of await Promise.all(Array.from({ length: 30 }, () => job("verify")))) assert.equal(state, "done");
assert.equal((await ok(200, "GET", g)).removed, 10); // renamed and back five times, removed five times
assert.equal((await job("compact")).state, "done");
assert.equal((await ok(200, "GET", g)).removed, 0);
await refused(409, "POST", `${g}/undo`, { undo: joined.undo });
assert.equal((await job("calibrate")).state, "failed"); // of one face nothing can be told
await ok(201, "POST", `${g}/faces`, form({ image: picture("sample1.png"), person: "Ann again" }));
const twice = await job("duplicates");
assert.deepEqual([twice.state, twice.result.same_photo.length, twice.result.same_person.length], ["done", 1, 1]);
const groups = await job("cluster");
assert.deepEqual([groups.state, groups.result.clusters.map(c => c.faces.map(f => f.person)), groups.result.alone],
    ["done", [["Ann", "Ann again"]], 0]);
await refused(400, "POST", `${g}/jobs`, { kind: "magic" });

// ---- out as an archive, and in again: the same people; and what tar makes of a folder of photos
await ok(204, "PUT", `${g}/faces/${ann.id}/metadata`, { room: 7 });
const out = await job("export");
assert.deepEqual([out.state, out.result], ["done", { faces: 2 }]);
const archive = Buffer.from(await ok(200, "GET", out.archive));
const scratch = mkdtempSync(join(tmpdir(), "secondlook-"));
writeFileSync(join(scratch, "out.tar"), archive);
assert.deepEqual(execFileSync("tar", ["tf", join(scratch, "out.tar")], { encoding: "utf8" }).trim().split("\n"),
    ["faces.jsonl", "crops/00000000.jpg", "crops/00000001.jpg"]);
await ok(201, "POST", "/v1/galleries", { name: "copy" });
const tar = { "content-type": "application/x-tar" };
const copied = await follow(await call("POST", "/v1/galleries/copy/import", archive, tar));
assert.deepEqual([copied.state, copied.result], ["done", { enrolled: 2, existing: 0, refused: [] }]);
assert.deepEqual((await ok(200, "GET", "/v1/galleries/copy/faces")).items.map(f => [f.person, f.image, f.metadata]),
    (await ok(200, "GET", `${g}/faces`)).items.map(f => [f.person, f.image, f.metadata]));
assert.equal((await ok(200, "POST", "/v1/galleries/copy/identify?top=1",
    form({ image: picture("sample1.png") }))).faces[0].decision, "match");
const long = "n".repeat(150);
mkdirSync(join(scratch, "in", "Cid", long), { recursive: true });
cpSync(`${photos}/sample2.png`, join(scratch, "in", "Cid", long, "1.png"));
cpSync(`${photos}/grey.jpg`, join(scratch, "in", "Cid", "grey.jpg"));
for (const format of ["gnu", "pax"]) {
    execFileSync("tar", [`--format=${format}`, "-C", join(scratch, "in"), "-cf", join(scratch, "in.tar"), "."]);
    const took = await follow(await call("POST", "/v1/galleries/copy/import", readFileSync(join(scratch, "in.tar")),
        tar));
    assert.equal(took.state, "done", took.error);
    assert.deepEqual([took.result.enrolled, took.result.existing, took.result.refused.map(f => f.image)],
        [format === "gnu" ? 1 : 0, format === "gnu" ? 0 : 1, ["Cid/grey.jpg"]]);
}
assert.equal((await ok(200, "GET", "/v1/galleries/copy/faces?person=Cid")).items[0].image, `Cid/${long}/1.png`);
assert.match((await follow(await call("POST", "/v1/galleries/copy/import", Buffer.from("no archive".repeat(100)), tar))).error, /no tar archive/);
assert.match((await job("import", { folder: "../.." })).error, /--import-from/);
await ok(204, "DELETE", "/v1/galleries/copy");
await refused(404, "GET", "/v1/jobs/none/events");

// ---- keys: for one gallery, for reading
const reader = await ok(201, "POST", "/v1/keys", { name: "door", gallery: "staff", scope: "read" });
const as = { "x-api-key": reader.key };
assert.equal((await call("GET", g, undefined, as)).status, 200);
assert.equal((await call("GET", "/v1/galleries/main", undefined, as)).status, 403);
assert.equal((await call("DELETE", `${g}/faces/${ann.id}`, undefined, as)).status, 403);
assert.equal((await call("GET", "/v1/keys", undefined, as)).status, 403);
assert.ok(!JSON.stringify(await ok(200, "GET", "/v1/keys")).includes(reader.key));
await ok(204, "DELETE", `/v1/keys/${reader.id}`);
assert.equal((await call("GET", g, undefined, as)).status, 401);

// ---- a browser's session: the cookie alone changes nothing
const session = await call("POST", "/v1/session", { key }, { "x-api-key": "" });
assert.equal(session.status, 201);
const cookie = session.headers.get("set-cookie");
assert.match(cookie, /HttpOnly; SameSite=Strict/);
const browser = (method, path, more = {}) => fetch(url + path,
    { method, headers: { cookie: cookie.split(";")[0], ...more } });
assert.equal((await browser("GET", g)).status, 200);
assert.equal((await browser("DELETE", `${g}/people/Ann`)).status, 403);
assert.equal((await browser("DELETE", `${g}/people/Ann`, { "x-csrf-token": "0".repeat(64) })).status, 403);
assert.equal((await browser("DELETE", `${g}/people/Ann`, { "x-csrf-token": session.body.csrf })).status, 200);
assert.equal((await browser("DELETE", "/v1/session", { "x-csrf-token": session.body.csrf })).status, 204);
assert.equal((await browser("GET", g)).status, 401);

// ---- a login: name and password; wrong ones, five of which lock it; it opens nothing as a key
await refused(400, "POST", "/v1/keys", { name: "ada", gallery: "staff", scope: "read", password: "short" });
const ada = await ok(201, "POST", "/v1/keys", { name: "ada", gallery: "staff", scope: "read",
    password: "correct horse" });
assert.ok(!("key" in ada));
await refused(409, "POST", "/v1/keys", { name: "ada", gallery: "staff", scope: "read", password: "another horse" });
const enter = (name, password, more = {}) => call("POST", "/v1/session", { name, password },
    { "x-api-key": "", ...more });
assert.equal((await enter("ada", "correct horse", { "sec-fetch-site": "cross-site" })).status, 403);
for (const [name, password] of [["ada", "wrong"], ["nobody", "correct horse"], ["ada", ""], ["ada", "x".repeat(400)]])
    assert.equal((await enter(name, password)).status, 401, `${name} ${password}`);
const inside = await enter("ada", "correct horse");
assert.deepEqual([inside.status, inside.body.name, inside.body.scope], [201, "ada", "read"]);
const adas = (method, path, more = {}) => fetch(url + path,
    { method, headers: { cookie: inside.headers.get("set-cookie").split(";")[0], ...more } });
assert.equal((await adas("GET", g)).status, 200);
assert.equal((await adas("DELETE", `${g}/people/x`, { "x-csrf-token": inside.body.csrf })).status, 403);
for (let i = 0; i < 5; i++) assert.equal((await enter("ada", "wrong")).status, 401);
assert.equal((await enter("ada", "correct horse")).status, 429);
assert.equal((await call("GET", g, undefined, { "x-api-key": "correct horse" })).status, 401);
await ok(204, "DELETE", `/v1/keys/${ada.id}`);
assert.equal((await adas("GET", g)).status, 401, "its sessions end with it");

// ---- the document says what there is
const document = await ok(200, "GET", "/openapi.json");
for (const [path, methods] of Object.entries(document.paths))
    for (const method of Object.keys(methods)) {
        const probe = await fetch(url + path.replace(/{\w+}/g, "none"), { method: method.toUpperCase() });
        assert.ok(probe.status !== 405 && !(probe.status === 404 && (await probe.text()).includes("nothing here")),
            path);
    }
for (const [method, path, names] of sent) {
    const [, found] = Object.entries(document.paths).find(([p,
        m]) => method in m && new RegExp(`^${p.replace(/{\w+}/g, "[^/]+")}$`).test(path));
    const { parameters, requestBody } = found[method], of = requestBody?.content["multipart/form-data"]?.schema;
    const known = [...parameters.filter(p => p.in === "query").map(p => p.name), ...Object.keys(of?.properties ?? {})];
    for (const name of names) assert.ok(known.includes(name), `${method} ${path} was asked ${name}`);
    for (const name of of?.required ?? []) assert.ok(names.includes(name), `${method} ${path} needs ${name}`);
}
assert.deepEqual(document.paths["/v1/galleries/{gallery}/identify"].post.requestBody.content["application/json"].schema.properties.explain,
    { type: "string", enum: ["none", "png", "url"] });
assert.equal((await ok(200, "GET", "/healthz")).status, "ok");
assert.match(await ok(200, "GET", "/metrics"), /secondlook_faces{gallery="staff"} 1\n/);
assert.equal((await ok(200, "GET", "/v1/audit?last=3")).lines.length, 3);
await ok(204, "DELETE", g);
await refused(404, "GET", g);
console.log("the native API answers as it says");
