"""Stage 1: the k = 100 nearest of many embeddings for 1, 8 and 64 queries at a time, ours by the embeddings and by
their codes, beside reading memory alone and beside faiss' exact search of the same embeddings."""
import statistics
from functools import partial

from measuring import beside, document_of, in_turn, least, missing, quickest, say, secondlook

DIM, K = 128, 100


def agreement(ours, faiss):
    """Shares of queries with the same nearest face, and of the k nearest that both name."""
    pairs = list(zip(ours, faiss, strict=True))
    return (sum(a[0] == b[0] for a, b in pairs) / len(pairs),
            sum(len(set(a) & set(b)) for a, b in pairs) / sum(len(a) for a in ours))


def search(queries, threads, faces, faiss_is_here):
    sizes = ["--threads", threads, "--faces", faces, "--dim", DIM, "--queries", queries, "-k", K]
    work = {"ours": partial(document_of, secondlook("stage1", "--answers", *sizes))}
    if faiss_is_here:
        work["faiss"] = partial(document_of, beside("stage1_faiss.py", *sizes), OMP_WAIT_POLICY="active")
    runs = in_turn(work, 3)
    row = {key: runs["ours"][0][key] for key in ("faces", "dim", "queries", "k", "threads", "isa")}
    row |= {key: least(runs["ours"], key) for key in ("f32_ms_per_query", "codes_ms_per_query")}
    row["read_gb_per_s"] = quickest(runs["ours"], "read_gb_per_s")["read_gb_per_s"]
    if queries == 1:  # a batch reads the bank once for many; a share is of the same round's reading
        row["f32_share_of_read"] = statistics.median(run["f32_share_of_read"] for run in runs["ours"])
    if faiss_is_here:
        row["faiss"] = runs["faiss"][0]["faiss"]
        row["faiss_ms_per_query"] = least(runs["faiss"], "faiss_ms_per_query")
        row["times_faiss_f32"] = row["faiss_ms_per_query"] / row["f32_ms_per_query"]
        row["times_faiss_codes"] = row["faiss_ms_per_query"] / row["codes_ms_per_query"]
        row["same_nearest"], row["same_of_k"] = agreement(runs["ours"][0]["nearest"], runs["faiss"][0]["nearest"])
    return row


def measure(options):
    no_faiss = missing("faiss", "faiss", "apt install python3-faiss libopenblas0-openmp")
    rows = []
    for queries in (1, 8, 64):
        say(f"stage 1, queries at a time: {queries}")
        rows.append(search(queries, options.threads[0], options.faces, not no_faiss))
    return {"data": "made-up unit vectors", "search": rows}, no_faiss


def search_table(document):
    rows = []
    for row in document["stage1"]["search"]:
        beside_faiss = ("", "", "", "", "")
        if "faiss" in row:
            beside_faiss = (f"{row['faiss_ms_per_query']:.1f}", f"{row['times_faiss_f32']:.1f}",
                            f"{row['times_faiss_codes']:.1f}", f"{row['same_nearest']:.0%}", f"{row['same_of_k']:.1%}")
        share = f", embeddings at {row['f32_share_of_read']:.0%} of it" if "f32_share_of_read" in row else ""
        rows.append([str(row["queries"]), f"{row['f32_ms_per_query']:.1f}", f"{row['codes_ms_per_query']:.1f}",
                     *beside_faiss, f"{row['read_gb_per_s']:.1f} GB/s{share}"])
    return ["queries at a time", "embeddings (f32), ms a query", "codes", "faiss", "faiss / embeddings",
            "faiss / codes", "same nearest", "same of the k", "reading alone"], rows


TABLES = {"stage1": ("Stage 1, milliseconds a query", search_table)}
