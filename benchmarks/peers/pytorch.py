"""A peer of `throughput.py`: the network in PyTorch, with its fused Adam."""

import contextlib

import contest
import torch
from torch import nn

flags = contest.parse_flags(
    __doc__, bfloat16="autocast to bfloat16", channels_last="keep images as height, width, channels"
)
model = nn.Sequential(
    nn.Conv2d(1, 32, 5, padding=2),  # (N, 32, 28, 28)
    nn.ReLU(),
    nn.MaxPool2d(2),  # (N, 32, 14, 14)
    nn.Conv2d(32, 64, 5, padding=2),  # (N, 64, 14, 14)
    nn.ReLU(),
    nn.MaxPool2d(2),  # (N, 64, 7, 7)
    nn.Flatten(),  # (N, 3136)
    nn.Linear(7 * 7 * 64, 1024),  # (N, 1024)
    nn.ReLU(),
    nn.Dropout(0.5),
    nn.Linear(1024, 10),  # (N, 10)
)
layout = torch.channels_last if flags.channels_last else torch.contiguous_format
model.to(memory_format=layout)
optimizer = torch.optim.Adam(model.parameters(), lr=contest.LEARNING_RATE, fused=True)


def logits(images):
    x = torch.from_numpy(images).reshape(-1, 1, 28, 28).to(memory_format=layout)
    with torch.autocast("cpu", torch.bfloat16) if flags.bfloat16 else contextlib.nullcontext():
        return model(x).float()  # (N, 10)


def train_step(images, labels):
    optimizer.zero_grad()
    nn.functional.cross_entropy(logits(images), torch.from_numpy(labels).long()).backward()
    optimizer.step()


@torch.no_grad()
def predict(images):
    model.eval()
    return logits(images).argmax(dim=1).numpy()


contest.train(flags, train_step, predict, sum(parameter.numel() for parameter in model.parameters()))
