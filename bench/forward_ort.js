// The same forward as bench/bench_forward.c in ONNX Runtime: node forward_ort.js FILE N,C,H,W THREADS IN OUT. One JSON line.
const fs = require("fs");
const ort = require("onnxruntime-node");
const { performance } = require("perf_hooks");

async function main() {
  const [file, shape, threads, input, out] = process.argv.slice(2);
  const dims = shape.split(",").map(Number);
  const session = await ort.InferenceSession.create(file, {
    intraOpNumThreads: Number(threads), interOpNumThreads: 1, graphOptimizationLevel: "all",
  });
  const x = new Float32Array(new Uint8Array(fs.readFileSync(input)).buffer);
  const feeds = { [session.inputNames[0]]: new ort.Tensor("float32", x, dims) };
  for (let i = 0; i < 10; i++) await session.run(feeds);
  const times = [];
  const begin = performance.now();
  while (times.length < 2000 && (times.length < 10 || performance.now() - begin < 2000)) {
    const start = performance.now();
    await session.run(feeds);
    times.push(performance.now() - start);
  }
  const outputs = await session.run(feeds);
  fs.writeFileSync(out, Buffer.concat(session.outputNames.map((name) => {
    const { buffer, byteOffset, byteLength } = outputs[name].data;
    return Buffer.from(buffer, byteOffset, byteLength);
  })));
  times.sort((a, b) => a - b);
  console.log(JSON.stringify({ runtime: "onnxruntime-node " + require("onnxruntime-node/package.json").version,
    file, threads: Number(threads), runs: times.length, median_ms: +times[times.length >> 1].toFixed(3) }));
}
main().catch((e) => { console.error(e.message); process.exit(1); });
