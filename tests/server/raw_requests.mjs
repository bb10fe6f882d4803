// What clients send that is not by the book, and what attackers do. raw_requests.mjs URL KEY PHOTOS
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import net from "node:net";

const [url, key, photos] = process.argv.slice(2);
const at = new URL(url);
const face = readFileSync(`${photos}/sample1.png`);

// Sends bytes as they are; the replies' statuses and the last body.
function raw(...pieces) {
    return new Promise((resolve, reject) => {
        const socket = net.connect(+at.port, at.hostname);
        let text = "";
        socket.setTimeout(20000, () => socket.destroy());
        socket.on("data", d => { text += d.toString("latin1"); });
        socket.on("error", e => text ? resolve(text) : reject(e));
        socket.on("close", () => resolve(text));
        for (const piece of pieces) socket.write(piece);
    });
}
const status = text => +(text.match(/^HTTP\/1\.1 (\d+)/) ?? [])[1];
const json = text => JSON.parse(text.slice(text.lastIndexOf("\r\n\r\n") + 4));
const head = (line, ...headers) => [line + " HTTP/1.1", `Host: ${at.host}`, `x-api-key: ${key}`, "Connection: close",
    ...headers, "", ""].join("\r\n");
const part = (name, data, more = "") => Buffer.concat([Buffer.from(`--b\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`), Buffer.from(data), Buffer.from("\r\n")]);
const end = Buffer.from("--b--\r\n");
const multipart = (...parts) => Buffer.concat([...parts, end]);
const post = (path, body, type = "multipart/form-data; boundary=b", ...more) =>
    raw(head(`POST ${path}`, `Content-Type: ${type}`, `Content-Length: ${body.length}`, ...more), body);

// ---- tolerances
const file = part("file", face, "; filename=photo");
let r = await post("/api/v1/recognition/faces?subject=Zo\xeb".replace("\xeb", "%EB"), multipart(file));
// UTF-8 read as Latin-1 by this test
assert.deepEqual([status(r), json(r).subject], [201, "Zo\u00c3\u00ab"], "latin-1, percent-encoded");
r = await raw(Buffer.from(head("POST /api/v1/recognition/faces/?&subject=No\xebl",
    "Content-Type: multipart/form-data; boundary=b", `Content-Length: ${multipart(file).length}`), "latin1"),
    multipart(file));
assert.deepEqual([status(r), json(r).subject], [201, "No\u00c3\u00abl"], "raw Latin-1 bytes, a trailing slash, ?&");
r = await post("/api/v1/recognition/recognize", multipart(file, part("limit", "1"), part("prediction_count", "2"),
    part("face_plugins", "undefined"), part("status", "True"), part("unknown", "x")));
assert.equal(status(r), 200);
assert.ok(json(r).result[0].subjects.length === 2 && json(r).plugins_versions, "parameters as fields of the form");
r = await post("/api/v1/recognition/recognize", multipart(file), "multipart/form-data");
assert.equal(status(r), 200, "no boundary in the header");
const chunked = multipart(file);
r = await raw(head("POST /api/v1/detection/detect", "Content-Type: multipart/form-data; boundary=b",
    "Transfer-Encoding: chunked"),
    `${(100).toString(16)}\r\n`, chunked.subarray(0, 100), `\r\n${(chunked.length - 100).toString(16)}\r\n`,
    chunked.subarray(100), "\r\n0\r\n\r\n");
assert.equal(status(r), 200, "chunks");
r = await post("/api/v1/detection/detect", multipart(file), undefined, "Expect: 100-continue");
assert.match(r, /^HTTP\/1\.1 100 .*\r\n\r\nHTTP\/1\.1 200/s, "Expect");
r = await post("/api/v1/detection/detect",
    Buffer.from(JSON.stringify({ file: "data:image/png;base64," + face.toString("base64") })), "application/json");
assert.equal(status(r), 200, "a data URL");

// ---- CompreFace's errors
r = await raw(head("PATCH /api/v1/recognition/subjects"));
assert.deepEqual([status(r), json(r).code], [404, 0]);
r = await post("/api/v1/recognition/recognize", multipart(part("other", "x")));
assert.deepEqual([status(r), json(r).code], [400, 34]);
r = await post("/api/v1/recognition/recognize", multipart(part("file", "no picture", "; filename=a")));
assert.deepEqual([status(r), json(r).code], [400, 21]);
r = await post("/api/v1/recognition/embeddings/recognize", Buffer.from(JSON.stringify({ embeddings: [[1, 2, 3]] })),
    "application/json");
assert.deepEqual([status(r), json(r).code], [400, 36]);
assert.equal(status(await raw(head("OPTIONS /api/v1/recognition/recognize"))), 204);

// ---- embeddings
r = await post("/api/v1/detection/detect?face_plugins=calculator", multipart(file));
const { embedding } = json(r).result[0];
r = await post("/api/v1/recognition/embeddings/recognize?prediction_count=2",
    Buffer.from(JSON.stringify({ embeddings: [embedding] })), "application/json");
assert.ok(json(r).result[0].similarities.length === 2 && json(r).result[0].similarities[0].similarity > 0.95);
r = await post("/api/v1/verification/embeddings/verify",
    Buffer.from(JSON.stringify({ source: embedding, targets: [embedding.map(x => -x), embedding] })),
    "application/json");
assert.ok(json(r).result[0].similarity > 0.95 && json(r).result[1].similarity < 0.01, "best first");

// ---- DeepStack
const deep = (call, ...fields) => post(`/v1/vision/face${call}`, multipart(part("api_key", key), ...fields)).then(json);
const image = part("image", face, "; filename=a");
assert.deepEqual(await deep("/register", part("userid", "Eve"), image), { success: true, message: "face added" });
assert.ok((await deep("/list")).faces.includes("Eve"));
const grey = readFileSync(`${photos}/grey.jpg`), other = readFileSync(`${photos}/sample2.png`);
assert.deepEqual(await deep("/register", part("userid", "Eve"), part("image1", face, "; filename=a"),
    part("image2", other, "; filename=b")),
    { success: true, message: "faces added" });
const ofEve = async () => json(await raw(head("GET /v1/galleries/main/faces?person=Eve"))).total;
assert.equal(await ofEve(), 3);
assert.match((await deep("/register", part("userid", "Eve"), part("image1", face, "; filename=a"),
    part("image2", grey, "; filename=b"))).error, /image2/);
assert.equal(await ofEve(), 3, "all of several pictures, or none");
assert.equal((await deep("", image)).predictions.length, 1);
assert.ok(["Eve", "Zo\u00c3\u00ab",
    "No\u00c3\u00abl"].includes((await deep("/recognize", image)).predictions[0].userid));
assert.deepEqual(await deep("/delete", part("userid", "Eve")), { success: true });
assert.ok(!(await deep("/list")).faces.includes("Eve"));
assert.equal((await post("/v1/vision/face/list", multipart(part("api_key", "wrong"))).then(json)).success, false);

// ---- sizes that lie, and two at once
const smuggled = head("POST /api/v1/recognition/recognize", "Content-Length: 5",
    "Transfer-Encoding: chunked") + "0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
r = await raw(smuggled);
assert.equal(status(r), 400);
assert.equal(r.match(/HTTP\/1\.1/g).length, 1, "nothing is read behind it");
assert.equal(status(await raw(head("POST /api/v1/recognition/recognize", "Content-Length: 5", "Content-Length: 6") + "abcdef")), 400);
assert.equal(status(await raw(head("POST /api/v1/recognition/recognize", "Content-Length: 999999999999"))), 400);
assert.equal(status(await raw(head("POST /v1/detect", "Content-Length: 10000001"))), 413);
r = await post("/v1/detect", Buffer.alloc(9000000));
assert.equal(status(r), 400); // no picture in it

// A length that is too small: what lies behind it is no request of whoever asked.
r = await raw(head("POST /v1/detect", "Content-Type: multipart/form-data; boundary=b",
    "Content-Length: 5").replace("Connection: close\r\n",
        "") + "abcdeDELETE /v1/galleries/main HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
assert.deepEqual(r.match(/HTTP\/1\.1 \d+/g).map(s => s.slice(9)), ["400", "401"]);
// One that is too large: the client is waited for, not read past; it leaves, and nothing is held.
const waiting = net.connect(+at.port, at.hostname);
await new Promise(done => waiting.write(head("POST /v1/detect", "Content-Length: 100") + "abc", done));
assert.equal(await Promise.race([new Promise(done => waiting.once("data", () => done("answered"))),
    new Promise(done => setTimeout(done, 200, "waited for"))]), "waited for");
waiting.destroy();

// ---- paths that lead elsewhere
for (const path of ["/page/../../etc/passwd", "/page/%2e%2e%2fserver.h", "/page/..", "/v1/galleries/..%2f..", "/%00"])
    assert.ok([400, 403, 404].includes(status(await raw(head(`GET ${path}`)))), path);

// ---- addresses in place of pictures: nobody is asked for them
let asked = 0;
const lure = net.createServer(socket => { asked++; socket.destroy(); });
await new Promise(done => lure.listen(0, "127.0.0.1", done));
for (const address of [`http://127.0.0.1:${lure.address().port}/face.jpg`, `//127.0.0.1:${lure.address().port}`,
    "file:///etc/passwd", "/etc/passwd"]) {
    for (const body of [{ image: address }, { image: { url: address } }, { images: [address] }])
        assert.ok(status(await post("/v1/galleries/main/identify", Buffer.from(JSON.stringify(body)),
            "application/json")) >= 400, address);
    assert.ok(status(await post("/v1/detect", multipart(part("image", address)))) >= 400, address);
    assert.equal(status(await post("/api/v1/detection/detect", Buffer.from(JSON.stringify({ file: address })),
        "application/json")), 400, address);
}
assert.equal(asked, 0);
lure.close();

// ---- clients that leave: half of a request, and before the answer
for (let i = 0; i < 20; i++) {
    const socket = net.connect(+at.port, at.hostname);
    await new Promise(done => socket.write(head("POST /v1/detect", "Content-Type: multipart/form-data; boundary=b",
        "Content-Length: 60000"), done));
    if (i % 2) await new Promise(done => socket.write(Buffer.alloc(60000), done));
    socket.destroy();
}

// ---- a thousand that say nothing
const idle = await Promise.all(Array.from({ length: 1000 }, () => new Promise((resolve, reject) => {
    const socket = net.connect(+at.port, at.hostname, () => resolve(socket));
    socket.on("error", reject);
})));
assert.equal(status(await raw(head("GET /healthz"))), 200);
for (const socket of idle) socket.destroy();
console.log("what clients send and attackers try is answered as it should");
