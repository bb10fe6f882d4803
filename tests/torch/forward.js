// An exported ONNX file in ONNX Runtime: node forward.js FILE N,C,H,W INPUT OUTPUT.
// Writes the embedding, then the patch map.
const fs = require("fs");
const ort = require("onnxruntime-node");

async function main() {
  const [file, shape, input, output] = process.argv.slice(2);
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1 });
  const x = new Float32Array(new Uint8Array(fs.readFileSync(input)).buffer);
  const y = await session.run({ input: new ort.Tensor("float32", x, shape.split(",").map(Number)) });
  const bytes = (t) => Buffer.from(t.data.buffer, t.data.byteOffset, t.data.byteLength);
  fs.writeFileSync(output, Buffer.concat([bytes(y.embedding), bytes(y.patch_map)]));
}
main().catch((e) => { console.error(e.message); process.exit(1); });
