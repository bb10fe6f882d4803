// CompreFace's own JavaScript SDK against the server, every call of it. compreface_sdk.mjs SDK URL KEY PHOTOS
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [sdk, url, key, photos] = process.argv.slice(2);
const { CompreFace } = await import(join(sdk, "node_modules/@exadel/compreface-js-sdk/index.js"));
const at = new URL(url);
const service = new CompreFace(`${at.protocol}//${at.hostname}`, at.port);
const recognition = service.initFaceRecognitionService(key);
const faces = () => recognition.getFaceCollection(); // one object spoils its address after a call
const subjects = () => recognition.getSubjects();
process.chdir(photos);
const photo = name => "./" + name; // a path for the SDK; other texts are base64 to it
const refused = async (promise, status, code) => {
    const error = await promise.then(() => assert.fail("was not refused"), e => e);
    const response = error.response ?? error;
    assert.equal(response.status, status);
    assert.equal(response.data.code, code);
};

// ---- subjects
assert.deepEqual(await subjects().list(), { subjects: [] });
assert.deepEqual(await subjects().add("Ann"), { subject: "Ann" });
await refused(subjects().add("ann"), 400, 43);
await refused(subjects().add("a/b"), 400, 26);
assert.deepEqual(await subjects().list(), { subjects: ["Ann"] });
assert.deepEqual(await subjects().rename("Ann", "Zoë"), { updated: true });
assert.deepEqual(await subjects().rename("Zoë", "Zoë"), { updated: false });
await refused(subjects().rename("Nobody", "Somebody"), 404, 42);
assert.deepEqual(await subjects().delete("Zoë"), { subject: "Zoë" });
await refused(subjects().delete("Zoë"), 404, 42);

// ---- faces: from a path, and from a buffer, which comes without a boundary in its header
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const ann = await faces().add(photo("sample1.png"), "Ann", { det_prob_threshold: 0.5 });
assert.match(ann.image_id, uuid);
assert.equal(ann.subject, "Ann"); // the SDK sends ?subject=Ann?det_prob_threshold=0.5
const bob = await faces().add(readFileSync(photo("sample2.png")), "Bob", {});
assert.equal(bob.subject, "Bob");
const eve = await faces().add(readFileSync(photo("sample3.png")).toString("base64"), "Eve", {});
const listed = await faces().list();
assert.equal(listed.total_elements, 3);
assert.equal(listed.total_pages, 1);
assert.deepEqual(listed.faces.map(f => f.subject).sort(), ["Ann", "Bob", "Eve"]);
assert.deepEqual(await subjects().list(), { subjects: ["Ann", "Bob", "Eve"] });

// ---- recognise: the nearest first, each subject once, strangers below one half
const seen = await recognition.recognize(photo("sample1.png"), { limit: 0, prediction_count: 3, det_prob_threshold: 0.5,
    face_plugins: "landmarks,calculator,age", status: "true" });
assert.equal(seen.result.length, 1);
const [face] = seen.result;
assert.deepEqual(face.subjects.map(s => s.subject).sort(), ["Ann", "Bob", "Eve"]);
assert.equal(face.subjects[0].subject, "Ann");
assert.ok(face.subjects[0].similarity > 0.95 && face.subjects[1].similarity < 0.5);
assert.equal(face.landmarks.length, 5);
assert.equal(face.embedding.length, 192);
assert.ok(face.execution_time.detector > 0 && face.box.x_max > face.box.x_min && !("age" in face));
assert.ok(seen.plugins_versions.calculator);
const stranger = (await recognition.recognize(photo("sample6.png"), {})).result[0].subjects;
assert.equal(stranger.length, 1);
assert.ok(stranger[0].similarity < 0.5);

// ---- verify against a face, detect, verify two photos
const same = (await faces().verify(photo("sample1.png"), ann.image_id, {})).result[0];
assert.equal(same.subject, "Ann");
assert.ok(same.similarity > 0.95);
const nobody = (await faces().verify(photo("sample1.png"), "00000000-0000-4000-8000-000000000000", {})).result[0];
assert.deepEqual([nobody.subject, nobody.similarity], ["", 0]);
const detection = service.initFaceDetectionService(key);
const found = (await detection.detect(photo("sample2.png"), { face_plugins: "landmarks" })).result;
assert.ok(found.length === 1 && found[0].box.probability > 0.5 && !("embedding" in found[0]));
const verification = service.initFaceVerificationService(key);
const pair = (await verification.verify(photo("sample1.png"), photo("sample2.png"), {})).result[0];
assert.ok(pair.source_image_face.box && pair.face_matches[0].similarity < 0.5);

// ---- refusals
await refused(service.initFaceRecognitionService("not-a-uuid").getSubjects().list(), 400, 26);
await refused(service.initFaceRecognitionService("00000000-0000-4000-8000-000000000000").getSubjects().list(), 404, 10);
await refused(recognition.recognize(photo("grey.jpg"), {}), 400, 28);
await refused(recognition.recognize(photo("group.jpg"), {}).then(() => faces().add(photo("group.jpg"), "Group", {})),
    400, 31);

// ---- removing
assert.deepEqual(await faces().delete(ann.image_id), { image_id: ann.image_id, subject: "Ann" });
await refused(faces().delete(ann.image_id), 404, 44);
assert.ok((await subjects().list()).subjects.includes("Ann")); // a subject stays without faces
assert.deepEqual(await faces().delete_multiple_images([bob.image_id, "00000000-0000-4000-8000-000000000000"]),
    [{ image_id: bob.image_id, subject: "Bob" }]);
assert.deepEqual(await faces().delete_all_subject("Eve"), { deleted: 1 });
assert.deepEqual(await faces().delete_all_subject("Nobody"), { deleted: 0 });
assert.deepEqual(await subjects().list(), { subjects: ["Ann", "Bob"] });
await faces().add(photo("sample4.png"), "Dan", {});
assert.deepEqual(await faces().delete_all(), { deleted: 1 });
assert.deepEqual(await subjects().deleteAll(), { deleted: 0 });
console.log("every call of the SDK answered as CompreFace answers");
