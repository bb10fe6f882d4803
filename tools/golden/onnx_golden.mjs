// Golden vectors of ONNX models by ONNX Runtime: node onnx_golden.mjs MODEL.onnx OUT.txt SHAPE SCALE [TENSOR...]
// SHAPE: 1x3x112x112. Input x[i] = SCALE * 0.9 sin(0.01 i). TENSORs: inner tensors to record beside the outputs.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
const ort = createRequire(process.cwd() + '/')('onnxruntime-node');

const [model, out, shapeText, scale, ...inner] = process.argv.slice(2);
const shape = shapeText.split('x').map(Number);

const varint = (n) => { const b = []; do { b.push((n & 127) | (n > 127 ? 128 : 0)); n >>>= 7; } while (n); return b; };
const field = (number, bytes) => [...varint(number << 3 | 2), ...varint(bytes.length), ...bytes];

// A protobuf message that follows another is merged into it: this adds entries to graph.output.
const outputs = inner.flatMap((name) => field(12, field(1, [...Buffer.from(name)])));
let bytes = Buffer.concat([readFileSync(model), Buffer.from(inner.length ? field(7, outputs) : [])]);

// Another height and width than the file's: 512 is overwritten in the input's shape by two-byte varints.
const fixed = Buffer.from([0x0a, 3, 8, 0x80, 4, 0x0a, 3, 8, 0x80, 4]);
const at = bytes.indexOf(fixed, bytes.lastIndexOf(Buffer.from([0x0a, 4, ...Buffer.from('data'), 0x12])));
if (model.includes('mnet') && at > 0)
  [shape[2], shape[3]].forEach((n, k) => { bytes[at + 5 * k + 3] = n & 127 | 128; bytes[at + 5 * k + 4] = n >> 7; });

const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
const count = shape.reduce((a, b) => a * b);
const x = Float32Array.from({ length: count }, (_, i) => Number(scale) * 0.9 * Math.sin(0.01 * i));
const results = await session.run({ [session.inputNames[0]]: new ort.Tensor('float32', x, shape) });

// One tensor a line: name, rank, shape, sum, Euclidean norm, how many values (all, or the first and last 8), values.
const lines = session.outputNames.map((name) => {
  const { data, dims } = results[name];
  const sum = data.reduce((a, b) => a + b, 0), norm = Math.sqrt(data.reduce((a, b) => a + b * b, 0));
  const kept = data.length <= 512 ? [...data] : [...data.slice(0, 8), ...data.slice(-8)];
  const numbers = [sum, norm].concat(kept).map((v) => v.toPrecision(8));
  return [name, dims.length, ...dims, ...numbers.slice(0, 2), kept.length, ...numbers.slice(2)].join(' ');
});
writeFileSync(out, `# ${basename(model)} by ONNX Runtime (tools/golden/onnx_golden.mjs), input ${shapeText}, scale ${scale}\n`
  + lines.join('\n') + '\n');
