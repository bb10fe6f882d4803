// What runs out, and what is hidden: a full disk, a patience that ends, TLS. limits.mjs SERVER SECONDLOOK FOLDER PHOTOS
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import https from "node:https";
import net from "node:net";
import { join } from "node:path";
import { deflateSync } from "node:zlib";

const [server, secondlook, folder, photos] = process.argv.slice(2);
const face = readFileSync(join(photos, "sample1.png"));
mkdirSync(folder, { recursive: true });
async function start(data, before, ...options) {
    const child = spawn("sh", ["-c", `${before} exec "$@"`, "sh", server, "--data", data, "--port", "0", "--rate", "0",
        ...options], { stdio: ["ignore", "pipe", "inherit"] });
    const text = await new Promise((resolve, reject) => {
        let said = "";
        child.stdout.on("data", d => { said += d; if (said.endsWith("\n")) setTimeout(() => resolve(said), 50); });
        child.on("exit", code => reject(new Error(`the server ended: ${code}`)));
    });
    return { child, url: text.match(/https?:\S+/)[0], key: (text.match(/once: (\S+)/) ?? [])[1] };
}
const stop = child => new Promise(done => { child.once("exit", done); child.kill("SIGTERM"); });

// ---- a full disk: no file may have more than 64 kB. What was acknowledged stays, the server goes on, and when there
// is room again so does enrolling.
const data = join(folder, "full");
let { child, url, key } = await start(data, "trap '' XFSZ; ulimit -f 128;");
const enrol = async i => {
    const f = new FormData();
    for (const [name, value] of Object.entries({ image: new Blob([face]), person: `person ${i}`, id: `${i}`,
        aligned: "true" })) f.append(name, value);
    return (await fetch(`${url}/v1/galleries/main/faces`,
        { method: "POST", body: f, headers: { "x-api-key": key } })).status;
};
const listed = async () => (await (await fetch(`${url}/v1/galleries/main/faces?size=1000`,
    { headers: { "x-api-key": key } })).json()).items.map(f => f.image);
const safe = [];
let status, n = 0;
while ((status = await enrol(n)) === 201) safe.push(`${n++}`);
assert.equal(status, 507);
assert.ok(safe.length > 3, `${safe.length}`);
assert.deepEqual(await listed(), safe);
assert.equal(await enrol(n + 1), 507);
assert.equal((await fetch(`${url}/healthz`)).status, 200);
await stop(child);
execFileSync(secondlook, ["gallery", "verify", join(data, "galleries", "main")]);
({ child, url } = await start(data, ""));
assert.deepEqual(await listed(), safe);
assert.equal(await enrol(n), 201);

// ---- a picture of 12 kB that claims a hundred million pixels is refused before they are decoded
const chunk = (kind, body) => {
    const sum = Buffer.alloc(8), named = Buffer.concat([Buffer.from(kind), body]);
    sum.writeUInt32BE(body.length);
    sum.writeUInt32BE(crc32(named), 4);
    return Buffer.concat([sum.subarray(0, 4), named, sum.subarray(4)]);
};
const crc32 = bytes => {
    let c = ~0;
    for (const byte of bytes)
        for (let bit = 0; bit < 8; bit++)
            c = (c >>> 1) ^ (((c ^ (byte >> bit)) & 1) ? 0xedb88320 : 0);
    return ~c >>> 0;
};
const head = Buffer.from([0, 0, 0x27, 0x10, 0, 0, 0x27, 0x10, 1, 0, 0, 0, 0]); // 10000 x 10000, one bit
const bomb = Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", head),
    chunk("IDAT", deflateSync(Buffer.alloc(10000 * 1251))), chunk("IEND", Buffer.alloc(0))]);
const bombed = new FormData();
bombed.append("image", new Blob([bomb]));
const refused = await fetch(`${url}/v1/detect`, { method: "POST", body: bombed, headers: { "x-api-key": key } });
assert.equal(refused.status, 413);
assert.match(JSON.stringify(await refused.json()), /at most 40000000 pixels/);
await stop(child);

// ---- one byte now and then: cut when the patience ends; half of a connection closed: nothing is held
({ child, url, key } = await start(join(folder, "slow"), "", "--patience", "2"));
const at = new URL(url), open = () => net.connect(+at.port, at.hostname).on("error", () => {});
const slow = open(), began = Date.now();
const drip = setInterval(() => slow.write("x"), 100);
slow.write("GET /healthz HTTP/1.1\r\nHost: ");
await new Promise(done => slow.once("close", done));
clearInterval(drip);
assert.ok(Date.now() - began >= 1900, "it was heard out for as long as was promised");
const half = Array.from({ length: 50 }, (_, i) => {
    const socket = net.connect({ port: +at.port, host: at.hostname, allowHalfOpen: true }).on("error",
        () => {}).on("data", () => {});
    socket.end(i % 2 ? "GET /healthz HTTP/1.1\r\nHost: a\r\n" : "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    return socket;
});
const connections = async () => +(await (await fetch(`${url}/metrics`,
    { headers: { "x-api-key": key, connection: "close" } })).text()).match(/secondlook_connections (\d+)/)[1];
let left;
for (let i = 0; i < 100 && (left = await connections()) > 3; i++) await new Promise(done => setTimeout(done, 100));
assert.ok(left <= 3, `${left} connections are held`);
for (const socket of half) socket.destroy();
await stop(child);

// ---- TLS: with the certificate's own name and no older protocol
const cert = join(folder, "cert.pem"), pem = join(folder, "key.pem");
try {
    execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-days", "2", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", pem, "-out", cert], { stdio: "ignore" });
} catch (error) {
    console.log("without openssl TLS is not tried");
    process.exit(0);
}
({ child, url, key } = await start(join(folder, "tls"), "", "--tls-cert", cert, "--tls-key", pem));
const get = more => new Promise((resolve, reject) => https.get(`${url}/v1/session`,
    { headers: { "x-api-key": key }, ...more }, reply => { reply.resume(); resolve(reply); }).on("error", reject));
assert.equal((await get({ ca: readFileSync(cert) })).statusCode, 200);
await assert.rejects(get({}), /self-signed|SELF_SIGNED|DEPTH_ZERO/);
await assert.rejects(get({ ca: readFileSync(cert), maxVersion: "TLSv1.1", minVersion: "TLSv1" }));
const login = await new Promise((resolve, reject) => {
    const body = JSON.stringify({ key }), r = https.request(`${url}/v1/session`,
        { method: "POST", ca: readFileSync(cert), headers: { "content-type": "application/json",
            "content-length": body.length } }, resolve);
    r.on("error", reject);
    r.end(body);
});
assert.match(login.headers["set-cookie"][0], /; Secure/);
login.resume();
const asked = execFileSync(secondlook, ["gallery", "info", "--json", `${url}/v1/galleries/main`],
    { env: { ...process.env, SECONDLOOK_KEY: key, SECONDLOOK_CA: cert }, encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"] });
assert.equal(JSON.parse(asked).faces, 0);
assert.throws(() => execFileSync(secondlook, ["gallery", "info", `${url}/v1/galleries/main`],
    { env: { ...process.env, SECONDLOOK_KEY: key }, stdio: "pipe" }));
await stop(child);
console.log(`a full disk lost none of ${safe.length} faces, the slow were cut, and TLS holds`);
process.exit(0);
