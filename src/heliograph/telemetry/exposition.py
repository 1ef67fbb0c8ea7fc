"""Figures on their way out: those of several processes, in one answer, in the format asked for.

Each process keeps its own, and its name is a label. So those of one that died begin anew in its
successor, which `rate()` knows how to take, and nothing is summed up that should not be.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder

from heliograph.telemetry.declared import Declared


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One number."""

    name: str
    labels: dict[str, str]
    value: float


class Family(msgspec.Struct, frozen=True, array_like=True):
    """The numbers of one figure."""

    name: str
    about: str
    kind: str
    samples: list[Sample]


Families = Sequence[Family]


def families_in(registry: CollectorRegistry, *, process: str) -> Families:
    """All that this process has counted."""
    return [
        Family(
            metric.name,
            metric.documentation,
            metric.type,
            [
                Sample(sample.name, {**sample.labels, "process": process}, sample.value)
                for sample in metric.samples
                # When each series began: a third more of them, which nobody asks for.
                if not sample.name.endswith("_created")
            ],
        )
        for metric in registry.collect()
    ]


def family_of(declared: Declared, values: Mapping[str, float], *, process: str) -> Family:
    """A figure that is not counted but looked up. values: by that of its label, if it has one."""
    samples = []
    for value, number in values.items():
        labels = {**dict.fromkeys(declared.labels, value), "process": process}
        samples.append(Sample(declared.name, labels, number))
    return Family(declared.name, declared.about, declared.kind, samples)


class Answer(msgspec.Struct, frozen=True):
    """What a scrape gets."""

    content_type: str
    body: bytes


def answer(families: Iterable[Family], *, accept: str) -> Answer:
    """In the format that the header asks for: OpenMetrics, or Prometheus' own text."""
    encode, content_type = choose_encoder(accept)
    return Answer(content_type, encode(_Collected(families)))


class _Collected:
    """What prometheus-client encodes: a figure of several processes is one."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        metrics: dict[str, Metric] = {}
        for family in self._families:
            if family.name not in metrics:
                metrics[family.name] = Metric(family.name, family.about, family.kind)
            for sample in family.samples:
                metrics[family.name].add_sample(sample.name, sample.labels, sample.value)
        yield from metrics.values()
