"""Networks with weights by formula, as tests/model/formula_net.h has them, under ArcFace's margin loss: what
Secondlook's gradients are compared with."""
import math

import numpy
import torch
import torch.nn as nn
import torch.nn.functional as F

import nets

CLASSES = 10


def uniform(seed, count, low, high):
    """tests/support/support.c's fill_random."""
    golden = 0x9E3779B97F4A7C15
    with numpy.errstate(over="ignore"):
        x = numpy.uint64((seed * golden + 1) % 2**64) + numpy.uint64(golden) * numpy.arange(1, count + 1,
                                                                                            dtype=numpy.uint64)
        z = (x ^ (x >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        z ^= z >> numpy.uint64(31)
    u = ((z >> numpy.uint64(11)).astype(numpy.float64) * 2.0**-53).astype(numpy.float32)
    low, high = numpy.float32(low), numpy.float32(high)
    return torch.from_numpy(low + (high - low) * u)


def seed_of(name):
    h = 0x811C9DC5
    for byte in name.encode():
        h = (h ^ byte) * 0x01000193 % 2**32
    return h


def weights(name, shape):
    low, high = .8, 1.2
    if name in ("sep", "cls_token", "pos_embedding"):
        low, high = -.5, .5
    elif len(shape) > 1:
        high = numpy.float32(math.sqrt(3 / math.prod(shape[1:])))
        low = -high
    elif "running_var" in name:
        low, high = .5, 1.5
    elif "running_mean" in name or "bias" in name:
        low, high = -.1, .1
    elif "prelu" in name:
        low, high = .1, .4
    return uniform(seed_of(name), math.prod(shape), low, high).reshape(shape)


# ---- MobileFaceNet, foamliu's ----

def clipped(width, out, kernel, stride=1, groups=1):
    return nn.Sequential(nn.Conv2d(width, out, kernel, stride, kernel // 2, groups=groups, bias=False),
                         nn.BatchNorm2d(out), nn.ReLU6())


class Inverted(nn.Module):
    def __init__(self, width, out, stride, factor):
        super().__init__()
        inner = width * factor
        self.added = stride == 1 and width == out
        self.conv = nn.Sequential(clipped(width, inner, 1), clipped(inner, inner, 3, stride, inner),
                                  nn.Conv2d(inner, out, 1, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        return x + self.conv(x) if self.added else self.conv(x)


class Depthwise(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, 1, 1, groups=width, bias=False)
        self.pointwise = nn.Conv2d(width, width, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)

    def forward(self, x):
        return F.relu(self.bn2(self.pointwise(F.relu(self.bn1(self.depthwise(x))))))


class Separable(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.dw_conv = Depthwise(width)

    def forward(self, x):
        return self.dw_conv(x)


class Global(nn.Module):
    def __init__(self):
        super().__init__()
        self.depthwise = nn.Conv2d(512, 512, 7, groups=512, bias=False)
        self.bn = nn.BatchNorm2d(512)

    def forward(self, x):
        return self.bn(self.depthwise(x))


class MobileFaceNet(nn.Module):
    shape = (3, 112, 112)

    def __init__(self):
        super().__init__()
        self.conv1 = clipped(3, 64, 3, 2)
        self.dw_conv = Depthwise(64)
        blocks, width = [], 64
        for factor, out, times, stride in ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2),
                                           (2, 128, 2, 1)):
            for i in range(times):
                blocks.append(Inverted(width, out, stride if i == 0 else 1, factor))
                width = out
        self.features = nn.Sequential(*blocks)
        self.conv2 = clipped(128, 512, 1)
        self.gdconv = Global()
        self.conv3 = nn.Conv2d(512, 128, 1)
        self.bn = nn.BatchNorm1d(128)

    def forward(self, x):
        patches = self.conv2(self.features(self.dw_conv(self.conv1(x))))
        return self.bn(self.conv3(self.gdconv(patches)).flatten(1)), patches


# ---- MTCNN's three: their outputs in a row, and pools that may reach over the end ----

def pool(x, kernel):
    return F.max_pool2d(x, kernel, 2, ceil_mode=True)


class Proposal(nn.Module):
    shape = (3, 27, 23)

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.conv3 = nn.Conv2d(3, 10, 3), nn.Conv2d(10, 16, 3), nn.Conv2d(16, 32, 3)
        self.prelu1, self.prelu2, self.prelu3 = nn.PReLU(10), nn.PReLU(16), nn.PReLU(32)
        self.conv4_1, self.conv4_2 = nn.Conv2d(32, 2, 1), nn.Conv2d(32, 4, 1)

    def forward(self, x):
        x = pool(self.prelu1(self.conv1(x)), 2)
        x = self.prelu3(self.conv3(self.prelu2(self.conv2(x))))
        return torch.cat([self.conv4_1(x).softmax(1).flatten(1), self.conv4_2(x).flatten(1)], 1), x


class Refinement(nn.Module):
    shape = (3, 24, 24)

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.conv3 = nn.Conv2d(3, 28, 3), nn.Conv2d(28, 48, 3), nn.Conv2d(48, 64, 2)
        self.prelu1, self.prelu2, self.prelu3, self.prelu4 = nn.PReLU(28), nn.PReLU(48), nn.PReLU(64), nn.PReLU(128)
        self.dense4, self.dense5_1, self.dense5_2 = nn.Linear(576, 128), nn.Linear(128, 2), nn.Linear(128, 4)

    def forward(self, x):
        x = pool(self.prelu2(self.conv2(pool(self.prelu1(self.conv1(x)), 3))), 3)
        x = self.prelu3(self.conv3(x))
        y = self.prelu4(self.dense4(x.permute(0, 3, 2, 1).flatten(1)))
        return torch.cat([self.dense5_1(y).softmax(1), self.dense5_2(y)], 1), x


class Output(nn.Module):
    shape = (3, 48, 48)

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 32, 3), nn.Conv2d(32, 64, 3)
        self.conv3, self.conv4 = nn.Conv2d(64, 64, 3), nn.Conv2d(64, 128, 2)
        self.prelu1, self.prelu2, self.prelu3 = nn.PReLU(32), nn.PReLU(64), nn.PReLU(64)
        self.prelu4, self.prelu5 = nn.PReLU(128), nn.PReLU(256)
        self.dense5, self.dense6_1 = nn.Linear(1152, 256), nn.Linear(256, 2)
        self.dense6_2, self.dense6_3 = nn.Linear(256, 4), nn.Linear(256, 10)

    def forward(self, x):
        x = pool(self.prelu2(self.conv2(pool(self.prelu1(self.conv1(x)), 3))), 3)
        x = self.prelu4(self.conv4(pool(self.prelu3(self.conv3(x)), 2)))
        y = self.prelu5(self.dense5(x.permute(0, 3, 2, 1).flatten(1)))
        return torch.cat([self.dense6_1(y).softmax(1), self.dense6_2(y), self.dense6_3(y)], 1), x


# ---- a transformer's layer, as tests/model/formula_block.h has it ----

class Layer(nn.TransformerEncoderLayer):
    def __init__(self, tokens, dim, heads, inner):
        super().__init__(dim, heads, inner, 0, "gelu", batch_first=True, norm_first=True)
        self.shape = (tokens, dim)

    def forward(self, x):
        y = super().forward(x)
        return y.mean(1), y


NETS = {"mobilefacenet": MobileFaceNet, "arcface-r18": nets.ArcFace18, "cosface-s20": nets.CosFace20,
        "facenet-ir1": nets.FaceNet, "iresnet18": nets.IResNet18, "mtcnn-pnet": Proposal, "mtcnn-rnet": Refinement,
        "mtcnn-onet": Output, "layer": lambda: Layer(130, 512, 8, 2048), "small-layer": lambda: Layer(10, 48, 4, 96)}


def margin_loss(x, head, labels):
    cosines = F.linear(F.normalize(x), F.normalize(head))
    margin = .5
    sine = torch.sqrt((1 - cosines**2).clamp(min=1e-12))
    phi = torch.where(cosines > math.cos(math.pi - margin), cosines * math.cos(margin) - sine * math.sin(margin),
                      cosines - margin * math.sin(math.pi - margin))
    own = F.one_hot(labels, CLASSES).bool()
    return F.cross_entropy(30 * torch.where(own, phi, cosines), labels)


def fill(net):
    with torch.no_grad():
        for key, value in net.state_dict().items():
            if "num_batches" not in key:
                value.copy_(weights(key, value.shape))


class Trained(nn.Module):
    """The network and its head; forward gives the loss."""

    def __init__(self, name, frozen):
        super().__init__()
        self.net = NETS[name]()
        fill(self.net)
        with torch.no_grad():
            x = torch.zeros((2,) + self.net.shape)
            dim = self.net.eval()(x)[0].shape[1]
        self.head = nn.Parameter(weights("head.weight", (CLASSES, dim)))
        self.net.train(not frozen)

    def named(self):
        """In the names of the state dict; FaceNet's head over its own classes is not used."""
        return [p for p in self.net.named_parameters() if "logits" not in p[0]] + [("head.weight", self.head)]

    def forward(self, x, labels):
        return margin_loss(self.net(x)[0], self.head, labels)


def batch_of(net, count, seed=1):
    shape = (count,) + net.net.shape
    x = uniform(seed, math.prod(shape), -1, 1).reshape(shape)
    return x, torch.arange(count) * 3 % CLASSES
