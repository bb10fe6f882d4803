#!/usr/bin/python3
"""Stage 1 by faiss' exact search (IndexFlatIP) of the unit vectors of `secondlook bench stage1`. Prints one JSON
document."""
import argparse
import json
import time

import faiss

from made_up import embeddings

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--faces", type=int, default=1000000)
parser.add_argument("--dim", type=int, default=128)
parser.add_argument("--queries", type=int, default=1)
parser.add_argument("-k", type=int, default=100)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--seconds", type=float, default=2)
a = parser.parse_args()

bank, queries = embeddings(a.faces, a.queries, a.dim)
index = faiss.IndexFlatIP(a.dim)
index.add(bank)
faiss.omp_set_num_threads(a.threads)
_, nearest = index.search(queries, a.k)
times, start = [], time.perf_counter()
while len(times) < 5 or time.perf_counter() - start < a.seconds:
    begin = time.perf_counter()
    index.search(queries, a.k)
    times.append(time.perf_counter() - begin)
print(json.dumps({"faiss": faiss.__version__, "faiss_ms_per_query": 1e3 * sorted(times)[len(times) // 2] / a.queries,
                  "nearest": nearest.tolist()}))
