"""The dissertation's three networks, InsightFace's smallest and the IR family in PyTorch: what Secondlook's own are compared with.
Written from the tables of the papers and the names of the published tensors. Each returns its embedding and its patch
map."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class IRBlock(nn.Module):
    """One PReLU scalar, used twice; the shortcut takes x itself, not bn0(x)."""

    def __init__(self, width, out, stride):
        super().__init__()
        self.bn0 = nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.prelu = nn.PReLU()
        self.conv2 = nn.Conv2d(width, out, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.downsample = None
        if stride != 1:
            self.downsample = nn.Sequential(nn.Conv2d(width, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = self.prelu(self.bn1(self.conv1(self.bn0(x))))
        y = self.bn2(self.conv2(y))
        return self.prelu(y + (x if self.downsample is None else self.downsample(x)))


class ArcFace18(nn.Module):
    shape = (1, 128, 128)

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.prelu = nn.PReLU()
        width = 64
        for layer, out in enumerate((64, 128, 256, 512), 1):
            blocks = IRBlock(width, out, 1 if layer == 1 else 2), IRBlock(out, out, 1)
            setattr(self, f"layer{layer}", nn.Sequential(*blocks))
            width = out
        self.bn4 = nn.BatchNorm2d(512)
        self.fc5 = nn.Linear(512 * 8 * 8, 512)
        self.bn5 = nn.BatchNorm1d(512)

    def forward(self, x):
        x = F.max_pool2d(self.prelu(self.bn1(self.conv1(x))), 2, 2)
        patches = self.bn4(self.layer4(self.layer3(self.layer2(self.layer1(x)))))
        return self.bn5(self.fc5(patches.flatten(1))), patches


class SphereBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.prelu1 = nn.PReLU(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.prelu2 = nn.PReLU(width)

    def forward(self, x):
        return x + self.prelu2(self.conv2(self.prelu1(self.conv1(x))))


class CosFace20(nn.Module):
    shape = (3, 112, 96)

    def __init__(self):
        super().__init__()
        width = 3
        for layer, (out, blocks) in enumerate(((64, 1), (128, 2), (256, 4), (512, 1)), 1):
            parts = [nn.Conv2d(width, out, 3, 2, 1), nn.PReLU(out)] + [SphereBlock(out) for _ in range(blocks)]
            setattr(self, f"layer{layer}", nn.Sequential(*parts))
            width = out
        self.fc = nn.Linear(512 * 7 * 6, 512)

    def forward(self, x):
        patches = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(patches.flatten(1)), patches


class BasicConv(nn.Module):
    def __init__(self, width, out, kernel, stride=1, padding=0):
        super().__init__()
        self.conv = nn.Conv2d(width, out, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=1e-3)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class Branches(nn.Module):
    """branch0, branch1, .. side by side, their outputs one behind the other."""

    def __init__(self, *branches):
        super().__init__()
        self.count = len(branches)
        for i, branch in enumerate(branches):
            setattr(self, f"branch{i}", branch)

    def join(self, x, *more):
        return torch.cat([getattr(self, f"branch{i}")(x) for i in range(self.count)] + list(more), 1)


class Residual(Branches):
    def __init__(self, width, joined, scale, branches, relu=True):
        super().__init__(*branches)
        self.conv2d = nn.Conv2d(joined, width, 1)
        self.scale, self.relu = scale, relu

    def forward(self, x):
        y = x + self.scale * self.conv2d(self.join(x))
        return F.relu(y) if self.relu else y


class Mixed(Branches):
    def forward(self, x):
        return self.join(x, F.max_pool2d(x, 3, 2))


def row(*parts):
    return nn.Sequential(*(BasicConv(*p) for p in parts))


def block35():
    return Residual(256, 96, .17, (BasicConv(256, 32, 1), row((256, 32, 1), (32, 32, 3, 1, 1)),
                                   row((256, 32, 1), (32, 32, 3, 1, 1), (32, 32, 3, 1, 1))))


def block17():
    return Residual(896, 256, .1, (BasicConv(896, 128, 1),
                                   row((896, 128, 1), (128, 128, (1, 7), 1, (0, 3)), (128, 128, (7, 1), 1, (3, 0)))))


def block8(scale=.2, relu=True):
    branches = (BasicConv(1792, 192, 1),
                row((1792, 192, 1), (192, 192, (1, 3), 1, (0, 1)), (192, 192, (3, 1), 1, (1, 0))))
    return Residual(1792, 384, scale, branches, relu)


class FaceNet(nn.Module):
    shape = (3, 160, 160)

    def __init__(self):
        super().__init__()
        self.conv2d_1a = BasicConv(3, 32, 3, 2)
        self.conv2d_2a = BasicConv(32, 32, 3)
        self.conv2d_2b = BasicConv(32, 64, 3, 1, 1)
        self.conv2d_3b = BasicConv(64, 80, 1)
        self.conv2d_4a = BasicConv(80, 192, 3)
        self.conv2d_4b = BasicConv(192, 256, 3, 2)
        self.repeat_1 = nn.Sequential(*(block35() for _ in range(5)))
        self.mixed_6a = Mixed(BasicConv(256, 384, 3, 2), row((256, 192, 1), (192, 192, 3, 1, 1), (192, 256, 3, 2)))
        self.repeat_2 = nn.Sequential(*(block17() for _ in range(10)))
        self.mixed_7a = Mixed(row((896, 256, 1), (256, 384, 3, 2)), row((896, 256, 1), (256, 256, 3, 2)),
                              row((896, 256, 1), (256, 256, 3, 1, 1), (256, 256, 3, 2)))
        self.repeat_3 = nn.Sequential(*(block8() for _ in range(5)))
        self.block8 = block8(1., False)
        self.last_linear = nn.Linear(1792, 512, bias=False)
        self.last_bn = nn.BatchNorm1d(512, eps=1e-3)
        self.logits = nn.Linear(512, 8631)

    def forward(self, x):
        x = F.max_pool2d(self.conv2d_2b(self.conv2d_2a(self.conv2d_1a(x))), 3, 2)
        x = self.repeat_1(self.conv2d_4b(self.conv2d_4a(self.conv2d_3b(x))))
        patches = self.block8(self.repeat_3(self.mixed_7a(self.repeat_2(self.mixed_6a(x)))))
        return F.normalize(self.last_bn(self.last_linear(patches.mean((2, 3)))), dim=1), patches


class InsightBlock(nn.Module):
    def __init__(self, width, out, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(width, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.prelu = nn.PReLU(out)
        self.conv2 = nn.Conv2d(out, out, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.downsample = None
        if stride != 1:
            self.downsample = nn.Sequential(nn.Conv2d(width, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = self.bn3(self.conv2(self.prelu(self.bn2(self.conv1(self.bn1(x))))))
        return y + (x if self.downsample is None else self.downsample(x))


class IResNet18(nn.Module):
    shape = (3, 112, 112)

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.prelu = nn.PReLU(64)
        width = 64
        for layer, out in enumerate((64, 128, 256, 512), 1):
            setattr(self, f"layer{layer}", nn.Sequential(InsightBlock(width, out, 2), InsightBlock(out, out, 1)))
            width = out
        self.bn2 = nn.BatchNorm2d(512)
        self.fc = nn.Linear(512 * 7 * 7, 512)
        self.features = nn.BatchNorm1d(512)

    def forward(self, x):
        x = self.prelu(self.bn1(self.conv1(x)))
        patches = self.bn2(self.layer4(self.layer3(self.layer2(self.layer1(x)))))
        return self.features(self.fc(patches.flatten(1))), patches


class Squeeze(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(width, width // 16, 1, bias=False), nn.Conv2d(width // 16, width, 1, bias=False)

    def forward(self, x):
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


class Unit(nn.Module):
    """Where the width stays the shortcut is every `stride`-th pixel."""

    def __init__(self, width, out, stride, squeezed):
        super().__init__()
        self.stride, self.shortcut_layer = stride, None
        if width != out:
            self.shortcut_layer = nn.Sequential(nn.Conv2d(width, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        layers = [nn.BatchNorm2d(width), nn.Conv2d(width, out, 3, 1, 1, bias=False), nn.PReLU(out),
                  nn.Conv2d(out, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)]
        self.res_layer = nn.Sequential(*layers, *([Squeeze(out)] if squeezed else []))

    def forward(self, x):
        short = x[:, :, ::self.stride, ::self.stride] if self.shortcut_layer is None else self.shortcut_layer(x)
        return self.res_layer(x) + short


class IRSE(nn.Module):
    """face.evoLVe's and CurricularFace's; plain: the last norm without scale and shift."""
    shape = (3, 112, 112)

    def __init__(self, units, squeezed, plain):
        super().__init__()
        self.input_layer = nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64))
        self.output_layer = nn.Sequential(nn.BatchNorm2d(512), nn.Dropout(.4), nn.Flatten(),
                                          nn.Linear(512 * 7 * 7, 512), nn.BatchNorm1d(512, affine=not plain))
        body, width = [], 64
        for out, count in zip((64, 128, 256, 512), units):
            body += [Unit(width if i == 0 else out, out, 2 if i == 0 else 1, squeezed) for i in range(count)]
            width = out
        self.body = nn.Sequential(*body)

    def forward(self, x):
        patches = self.output_layer[0](self.body(self.input_layer(x)))
        return self.output_layer[1:](patches), patches


NETS = {"irse50": lambda: IRSE((3, 4, 14, 3), True, False), "ir50-plain": lambda: IRSE((3, 4, 14, 3), False, True),
        "arcface-r18": ArcFace18, "cosface-s20": CosFace20, "facenet-ir1": FaceNet, "iresnet18": IResNet18}


def with_random_weights(name, seed):
    """The network with weights of a trained one's size: batch norms neither blow up nor mute what passes."""
    torch.manual_seed(seed)
    net = NETS[name]().eval()
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            if module.affine:
                nn.init.normal_(module.weight, 1, .1)
                nn.init.normal_(module.bias, 0, .1)
            nn.init.normal_(module.running_mean, 0, .1)
            nn.init.uniform_(module.running_var, .5, 1.5)
        elif isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, .1, .4)
    return net
