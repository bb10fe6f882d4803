#!/usr/bin/env python3
"""Stage 1 by faiss' exact search (IndexFlatIP): made-up unit vectors as `secondlook bench stage1` has them."""
import argparse
import json
import time

import faiss
import numpy

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--faces", type=int, default=1000000)
parser.add_argument("--dim", type=int, default=128)
parser.add_argument("--queries", type=int, default=1)
parser.add_argument("-k", type=int, default=100)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--seconds", type=float, default=2)
a = parser.parse_args()


def units(random, count):
    x = random.standard_normal((count, a.dim), dtype=numpy.float32)
    return x / numpy.linalg.norm(x, axis=1, keepdims=True)


random = numpy.random.default_rng(2)
index = faiss.IndexFlatIP(a.dim)
index.add(units(random, a.faces))
queries = units(random, a.queries)
faiss.omp_set_num_threads(a.threads)
index.search(queries, a.k)
times, start = [], time.perf_counter()
while len(times) < 5 or time.perf_counter() - start < a.seconds:
    begin = time.perf_counter()
    index.search(queries, a.k)
    times.append(time.perf_counter() - begin)
print(json.dumps({"faiss_ms_per_query": 1e3 * sorted(times)[len(times) // 2] / a.queries, "faiss": faiss.__version__}))
