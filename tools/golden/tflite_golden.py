#!/usr/bin/python3
"""Golden vectors of float TFLite models: tflite_golden.py MODEL.tflite OUT.txt NxHxWxC [TENSOR...]

An evaluation of its own: reads the flatbuffer and computes every operator in the file's NHWC with numpy in
double precision (Debian: python3-numpy), sharing nothing with the C importer. The input is
x[i] = 0.9 sin(0.01 i) over the NCHW positions i; what has four axes is recorded as NCHW."""
import struct
import sys

import numpy as np


class Flat:
    """Positions of tables, vectors and scalars in a flatbuffer."""

    def __init__(self, data):
        self.b = data

    def get(self, fmt, at):
        return struct.unpack_from('<' + fmt, self.b, at)[0]

    def field(self, table, i):
        vtable = table - self.get('i', table)
        slot = 4 + 2 * i
        offset = self.get('H', vtable + slot) if slot + 2 <= self.get('H', vtable) else 0
        return table + offset if offset else None

    def scalar(self, table, i, fmt, otherwise=0):
        at = self.field(table, i) if table else None
        return otherwise if at is None else self.get(fmt, at)

    def table(self, table, i):
        at = self.field(table, i)
        return None if at is None else at + self.get('I', at)

    def vector(self, table, i, fmt):
        at = self.table(table, i)
        n = 0 if at is None else self.get('I', at)
        return list(struct.unpack_from('<%d%s' % (n, fmt), self.b, at + 4)) if n else []

    def tables(self, table, i):
        at = self.table(table, i)
        n = 0 if at is None else self.get('I', at)
        return [p + self.get('I', p) for p in range(at + 4, at + 4 + 4 * n, 4)] if n else []

    def bytes(self, table, i):
        at = self.table(table, i)
        return b'' if at is None else self.b[at + 4:at + 4 + self.get('I', at)]


def same_pads(size, kernel, stride, valid):
    out = (size - kernel) // stride + 1 if valid else -(-size // stride)
    total = 0 if valid else max((out - 1) * stride + kernel - size, 0)
    return out, total // 2, total - total // 2


def windows(x, kernel, stride, valid, fill):
    """[N, H', W', kh, kw, C] views of x [N, H, W, C]."""
    n, h, w, c = x.shape
    oh, top, bottom = same_pads(h, kernel[0], stride[0], valid)
    ow, left, right = same_pads(w, kernel[1], stride[1], valid)
    x = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=fill)
    view = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(1, 2))[:, ::stride[0], ::stride[1]]
    return np.moveaxis(view[:, :oh, :ow], 3, 5)


def activate(x, which):
    return {0: lambda v: v, 1: lambda v: np.maximum(v, 0), 3: lambda v: np.clip(v, 0, 6)}[which](x)


def run_op(f, code, options, x):
    """The operators of the models at hand; x: the inputs as arrays or None."""
    o = lambda i, fmt, otherwise=0: f.scalar(options, i, fmt, otherwise)
    if code in (0, 41, 18, 42):  # ADD SUB MUL DIV
        fn = {0: np.add, 41: np.subtract, 18: np.multiply, 42: np.divide}[code]
        return activate(fn(x[0], x[1]), o(0, 'b'))
    if code == 3:  # CONV_2D, weights OHWI
        w = x[1]
        v = windows(x[0], w.shape[1:3], (o(2, 'i', 1), o(1, 'i', 1)), o(0, 'b') == 1, 0)
        return activate(np.tensordot(v, w, ((3, 4, 5), (1, 2, 3))) + x[2], o(3, 'b'))
    if code == 4:  # DEPTHWISE_CONV_2D, weights 1HWC
        w = x[1][0]
        v = windows(x[0], w.shape[:2], (o(2, 'i', 1), o(1, 'i', 1)), o(0, 'b') == 1, 0)
        return activate(np.einsum('nhwklc,klc->nhwc', v, w) + x[2], o(4, 'b'))
    if code == 17:  # MAX_POOL_2D
        v = windows(x[0], (o(4, 'i'), o(3, 'i')), (o(2, 'i', 1), o(1, 'i', 1)), o(0, 'b') == 1, -np.inf)
        return v.max(axis=(3, 4))
    if code == 9:  # FULLY_CONNECTED
        return activate(x[0].reshape(-1, x[1].shape[1]) @ x[1].T + x[2], o(0, 'b'))
    if code == 22:  # RESHAPE, for any batch
        return x[0].reshape(x[0].shape[0], -1)
    if code in (74, 82):  # SUM REDUCE_MAX
        fn = np.sum if code == 74 else np.max
        return fn(x[0], axis=tuple(np.atleast_1d(x[1]).astype(int)), keepdims=o(0, 'b') != 0)
    return {19: lambda v: np.maximum(v, 0), 101: np.abs, 59: np.negative, 47: np.exp}[code](x[0])


def evaluate(path, shape):
    f = Flat(open(path, 'rb').read())
    root = f.get('I', 0)
    codes = [max(f.scalar(c, 0, 'b'), f.scalar(c, 3, 'i')) for c in f.tables(root, 1)]
    buffers = f.tables(root, 4)
    graph = f.tables(root, 2)[0]
    tensors = f.tables(graph, 0)
    names = [f.bytes(t, 3).decode() for t in tensors]
    values = [None] * len(tensors)
    for i, t in enumerate(tensors):
        data = f.bytes(buffers[f.scalar(t, 2, 'I')], 0)
        if data:
            kind = {0: np.float32, 2: np.int32}[f.scalar(t, 1, 'b')]
            values[i] = np.frombuffer(data, kind).reshape(f.vector(t, 0, 'i')).astype(np.float64)
    n, h, w, c = shape
    x = 0.9 * np.sin(0.01 * np.arange(n * h * w * c)).astype(np.float32).astype(np.float64)
    values[f.vector(graph, 1, 'i')[0]] = x.reshape(n, c, h, w).transpose(0, 2, 3, 1)
    for op in f.tables(graph, 3):
        inputs = [values[i] if i >= 0 else None for i in f.vector(op, 1, 'i')]
        result = run_op(f, codes[f.scalar(op, 0, 'I')], f.table(op, 4), inputs)
        values[f.vector(op, 2, 'i')[0]] = result
    return names, values, f.vector(graph, 2, 'i')


def line(name, v):
    if v.ndim == 4:
        v = v.transpose(0, 3, 1, 2)
    flat = v.ravel()
    kept = flat if flat.size <= 512 else np.concatenate([flat[:8], flat[-8:]])
    numbers = ['%.8g' % a for a in [flat.sum(), np.sqrt((flat * flat).sum())]]
    return ' '.join([name, str(v.ndim), *map(str, v.shape), *numbers, str(kept.size), *('%.8g' % a for a in kept)])


def main():
    path, out, shape, *inner = sys.argv[1:]
    names, values, outputs = evaluate(path, tuple(map(int, shape.split('x'))))
    wanted = [names[i] for i in outputs] + inner
    with open(out, 'w') as text:
        text.write('# %s by numpy (tools/golden/tflite_golden.py), input %s NHWC\n' % (path.split('/')[-1], shape))
        for name in wanted:
            text.write(line(name, values[names.index(name)]) + '\n')


main()
