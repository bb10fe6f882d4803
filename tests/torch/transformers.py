"""Face-ViT's four transformers in PyTorch: what Secondlook's own are compared with. Written from the description in
docs/models.md and the names of the published tensors."""
import torch
import torch.nn as nn
import torch.nn.functional as F

HEAD = 64  # numbers of a head of attention


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.width = heads, width
        self.to_qkv = nn.Linear(width, 3 * heads * HEAD, bias=False)
        self.to_out = nn.Sequential(nn.Linear(heads * HEAD, width))

    def forward(self, x):
        photos, tokens, _ = x.shape
        q, k, v = (part.reshape(photos, tokens, self.heads, HEAD).transpose(1, 2)
                   for part in self.to_qkv(x).split(self.heads * HEAD, 2))
        weights = self.weights = torch.softmax(q @ k.transpose(2, 3) / self.width**.5, 3)
        return self.to_out((weights @ v).transpose(1, 2).reshape(photos, tokens, -1))


class Dense(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.net = nn.ModuleDict({"0": nn.Linear(width, hidden), "3": nn.Linear(hidden, width)})

    def forward(self, x):
        return self.net["3"](F.gelu(self.net["0"](x)))


def branch(norm, function):
    """As the published names nest: fn.norm, and what it wraps at fn.fn."""
    outer, inner = nn.Module(), nn.Module()
    inner.norm, inner.fn = norm, function
    outer.fn = inner
    return outer


class Transformer(nn.Module):
    def __init__(self, case):
        super().__init__()
        self.form = case["form"]
        self.layers = nn.ModuleList(
            nn.ModuleList([branch(nn.LayerNorm(case["width"]), Attention(case["width"], case["heads"])),
                           branch(nn.LayerNorm(case["width"]), Dense(case["width"], case["hidden"]))])
            for _ in range(case["depth"]))

    def forward(self, x):
        for first, second in self.layers:
            y = first.fn.fn(x if self.form == "published" else first.fn.norm(x))
            x = y if self.form == "text" else x + y
            x = x + second.fn.fn(second.fn.norm(x))
        return x


class Tokens(nn.Module):
    """Learned tokens, positions and layers, which all four have."""

    def __init__(self, case, separator=False, norm=None):
        super().__init__()
        self.case, width = case, case["width"]
        if separator:
            self.sep = nn.Parameter(torch.zeros(1, 1, width))
        if case["positions"]:
            self.pos_embedding = nn.Parameter(torch.zeros(1, case["positions"], width))
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.transformer = Transformer(case)
        self.mlp_head = nn.Sequential(nn.LayerNorm(norm or width))

    def through(self, *parts):
        x = torch.cat([p.expand(parts[-1].shape[0], -1, -1) for p in parts], 1)
        if self.case["positions"]:
            x = x + self.pos_embedding[:, :x.shape[1]]
        return self.transformer(x)


class V(Tokens):
    side = 8

    def __init__(self, case):
        super().__init__(case)
        self.patch_to_embedding = nn.Linear(self.side**2 * 3, case["width"])

    def forward(self, x):
        n, channels, rows, cols = x.shape
        x = x.reshape(n, channels, rows // self.side, self.side, cols // self.side, self.side)
        x = x.permute(0, 2, 4, 3, 5, 1).reshape(n, -1, self.side**2 * channels)
        return {"embedding": self.mlp_head(self.through(self.cls_token, self.patch_to_embedding(x))[:, 0])}


class H1(Tokens):
    """Over a network that gives its embedding and its patch map."""

    def __init__(self, case, network):
        super().__init__(case)
        self.face_model = network

    def forward(self, x):
        patches = self.face_model(x)[1].flatten(2).transpose(1, 2)
        return {"embedding": self.mlp_head(self.through(self.cls_token, patches)[:, 0])}


class H2(Tokens):
    def __init__(self, case):
        super().__init__(case, separator=True)
        self.fc = nn.Linear(case["width"], 2)

    def forward(self, first, second):
        logits = self.fc(self.mlp_head(self.through(self.cls_token, first, self.sep, second)[:, 0]))
        return {"logits": logits, "score": torch.softmax(logits, 1)[:, 1]}


class H2L(Tokens):
    def __init__(self, case):
        super().__init__(case, separator=True, norm=case["dim"])
        numbers = case["cells"] * case["width"]
        for i in [""] if case["single"] else ["1", "2"]:
            setattr(self, "bn" + i, nn.BatchNorm1d(case["dim"]))
            setattr(self, "fc" + i, nn.Linear(numbers, case["dim"]))

    def forward(self, first, second):
        cells, text = self.case["cells"], self.case["form"] == "text"
        x = self.through(self.cls_token, first, self.sep, second)
        features, self.tokens = [], (x[:, 1:1 + cells], x[:, 2 + cells:])
        for i, tokens in enumerate(self.tokens):
            which = "" if self.case["single"] else str(i + 1)
            y = getattr(self, "fc" + which)(tokens.flatten(1))
            features.append(self.mlp_head(y) if text else getattr(self, "bn" + which)(y))
        both = torch.cat(features)
        return {"features": both if text else self.mlp_head(both), "score": F.cosine_similarity(*features)}
