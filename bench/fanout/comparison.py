"""Heliograph beside the peers of a platform, in turn: a peer, ours, the next peer, ours.

So what else the machine does spoils none of them alone. A ratio is the median of the ratios of such
pairs.
"""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bench.fanout.jobs import Figures, Job, done_by
from bench.fanout.ours import Round, Set
from bench.fanout.senders import Sender
from bench.stage.programs import tell

_OURS = "heliograph"
_RATES = ("per_cpu_s", "per_s")


class Pair(msgspec.Struct, frozen=True):
    """What another sender did, and what Heliograph did right behind it."""

    other: Figures
    ours: Round


def compared(
    here: Set, job: Job, peers: Sequence[Sender], bare: Sender, *, rounds: int
) -> dict[str, Any]:
    """Measure each sender so many times, and return medians, ratios and all that was measured."""
    pairs: dict[str, list[Pair]] = {sender.name: [] for sender in (*peers, bare)}
    for number in range(1, rounds + 1):
        for sender in (*peers, bare):
            other = done_by(sender, job, here.fake)
            _tell(number, sender.name, other)
            ours = here.round()
            _tell(number, _OURS, ours)
            pairs[sender.name].append(Pair(other, ours))
    return {
        "message_bytes": len(job.body),
        "stored_bytes_per_device": here.stored_bytes_per_device,
        "import_s": round(here.import_s, 1),
        _OURS: _ours([pair.ours for found in pairs.values() for pair in found]),
        "bare_client": _others(bare, pairs[bare.name]),
        "peers": {peer.name: _others(peer, pairs[peer.name]) for peer in peers},
        "ratios": _ratios(pairs, [peer.name for peer in peers], bare.name),
        "measured": msgspec.to_builtins(pairs),
    }


def _ours(rounds: Sequence[Round]) -> dict[str, Any]:
    return {
        **_medians(rounds),
        "messages_per_cpu_s_with_broker": round(
            statistics.median(one.sent / (one.cpu_s + one.broker_cpu_s) for one in rounds)
        ),
        "first_device_s": _median([one.first_device_s for one in rounds]),
        "last_device_s": _median([one.last_device_s for one in rounds]),
        "peak_memory_mb": {
            process: _median([one.peak_memory_mb[process] for one in rounds])
            for process in rounds[0].peak_memory_mb
        },
    }


def _others(sender: Sender, pairs: Sequence[Pair]) -> dict[str, Any]:
    rounds = [pair.other for pair in pairs]
    peak = _median([one.peak_memory_mb for one in rounds])
    return {"version": sender.version_of(), **_medians(rounds), "peak_memory_mb": peak}


def _medians(rounds: Sequence[Round] | Sequence[Figures]) -> dict[str, float]:
    return {
        "messages_per_s": round(_median([one.per_s for one in rounds])),
        "messages_per_cpu_s": round(_median([one.per_cpu_s for one in rounds])),
        "fake_busy": _median([one.fake_busy for one in rounds]),
    }


def _ratios(pairs: Mapping[str, Sequence[Pair]], peers: Sequence[str], bare: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for rate in _RATES:
        ratios = {name: _ratio(measured, rate) for name, measured in pairs.items()}
        found[rate] = {"heliograph_to_bare_client": ratios[bare]}
        if peers:
            best = min(peers, key=ratios.__getitem__)  # the best peer leaves us the least
            found[rate]["heliograph_to_best_peer"] = ratios[best]
            found[rate]["best_peer"] = best
            found[rate]["heliograph_to_each_peer"] = {name: ratios[name] for name in peers}
    return found


def _ratio(pairs: Sequence[Pair], rate: str) -> float:
    return _median([getattr(pair.ours, rate) / getattr(pair.other, rate) for pair in pairs])


def _median(values: Sequence[float]) -> float:
    return round(statistics.median(values), 3)


def _tell(number: int, name: str, one: Round | Figures) -> None:
    tell(f"  round {number}: {name:22} {one.per_s:8,.0f}/s {one.per_cpu_s:8,.0f}/CPU s")
