"""Why two faces are alike: what flows from which part of the one to which of the other, drawn with matplotlib.

    python3 examples/flow_of_faces.py query.jpg other.jpg flow.png

The cells (# %%) are a notebook's.
"""
# %% Two photos become two templates: embedding, patch map, and the crop that both are of.
import sys

import numpy as np
import secondlook

query_file, other_file, out = sys.argv[1:4]
engine = secondlook.Engine()
query, other = engine.template(query_file), engine.template(other_file)

# %% The second look: patches of the one are moved onto those of the other, cell by cell.
look = secondlook.Match("emd")
score = secondlook.compare(query, other, look)
plan, query_weights, other_weights = secondlook.emd_plan(query.patches(), other.patches(), look)
rows, cols, channels = query.grid
print(f"score {score.score:.3f}: stage 1 {score.stage1:.3f}, stage 2 {score.stage2:.3f}; {plan.shape} cells")

# %% Where each cell is, in pixels of a crop.
height, width = query.crop.shape[:2]
x = (np.arange(rows * cols) % cols + .5) / cols * width
y = (np.arange(rows * cols) // cols + .5) / rows * height

# %% Both faces side by side, and the strongest flows between them; below what the library draws itself.
try:
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("skipped: matplotlib is not here (apt-get install python3-matplotlib)")

figure, ((left, right), below) = plt.subplots(2, 2, figsize=(8, 8), layout="constrained")
figure.suptitle(f"second look {score.stage2:.3f}, score {score.score:.3f}")
for axes, face, weights, title in ((left, query, query_weights, "query"), (right, other, other_weights, "other")):
    axes.imshow(face.crop)
    axes.scatter(x, y, s=4000 / len(weights) * weights / weights.max(), c="white", alpha=.6)
    axes.set_title(title)
for s, m in zip(*np.unravel_index(np.argsort(plan, axis=None)[::-1][:40], plan.shape)):
    figure.add_artist(matplotlib.patches.ConnectionPatch(
        (x[m], y[m]), (x[s], y[s]), "data", "data", axesA=left, axesB=right, color="orange",
        alpha=float(plan[s, m] / plan.max())))
below[0].imshow(secondlook.draw_flow(query, other, look))
below[0].set_title("query, made of the other's patches")
below[1].imshow(secondlook.draw_weights(query, other, look)[0])
below[1].set_title("how much each patch counts")
for axes in (left, right, *below):
    axes.set_axis_off()
figure.savefig(out)
