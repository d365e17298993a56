"""What a run found, as Markdown for people and as JSON."""

from dataclasses import dataclass


@dataclass
class Run:
    facts: dict
    keys: list
    rounds: int
    # Medians by (what, …); a list where a round gives several numbers.
    figures: dict
    # The same, round by round.
    measured: dict
    # Bytes of a signed file of each kind.
    sizes: dict
    # VmHWM in KiB of verifying one file of each kind.
    peaks: dict
    # VmRSS and VmHWM in KiB of the service at the end of each round.
    resident: list


def markdown(run):
    parts = [_facts(run), _journeys(run), _hashes(run), _verifying(run), _cold(run), _memory(run)]
    return "\n\n".join(parts)


def plain(run):
    keyed = lambda values: {" ".join(map(str, key)): value for key, value in values.items()}
    return {"facts": run.facts, "rounds": run.rounds, "medians": keyed(run.figures), "measured": keyed(run.measured),
            "file bytes": run.sizes, "verify VmHWM KiB": run.peaks, "service VmRSS and VmHWM KiB": run.resident}


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join(["---"] + ["---:"] * (len(head) - 1)) + " |"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def in_ms(seconds):
    ms = seconds * 1000
    return f"{ms:.3f}" if ms < 1 else f"{ms:.2f}" if ms < 10 else f"{ms:.1f}"


def in_rate(value):
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"


def _size(count):
    return f"{count / 1e6:.0f} MB" if count >= 1e6 else f"{count / 1e3:.0f} KB"


def _facts(run):
    lines = [f"- {name}: {value}" for name, value in run.facts.items()]
    return "\n".join(lines + [f"- medians of {run.rounds} rounds, the sides taking turns in each"])


def _journeys(run):
    rows = []
    for credential, name, *_ in run.keys:
        for (what, key, kind, clients), (rate, cpu, drawing) in _of(run, "journey"):
            if key != credential:
                continue
            beside = run.figures["peer-sign", credential, kind]
            size = "samples, 50 to 100 KB" if kind == "small" else _size(run.sizes["large"])
            rows.append([f"{name}, {size}, {clients} client{'s' * (clients > 1)}", in_rate(rate), in_ms(cpu), in_ms(drawing),
                         in_ms(beside), f"{beside / cpu:.1f}"])
    head = ["sign a PDF end to end (upload, page, code, confirmation, download)", "signatures/s (wall)",
            "service CPU ms", "drawing CPU ms", "pyHanko signs B-B in process, CPU ms", "pyHanko / service CPU"]
    return table(head, rows)


def _hashes(run):
    rows = []
    for credential, name, *_ in run.keys:
        raw = run.figures["openssl", credential]
        for (what, key, hashes), (rate, authorising, signing) in _of(run, "csc"):
            if key == credential:
                rows.append([f"{name}, {hashes} hash{'es' * (hashes > 1)} a SAD", in_rate(rate), in_ms(authorising), in_ms(signing),
                             in_rate(raw), f"{1 / signing / raw:.3f}", f"{1 / (authorising + signing) / raw:.4f}"])
    head = ["CSC over HTTP, one client", "signatures/s (wall)", "authorise (PIN and code), CPU ms", "signHash, CPU ms",
            "openssl speed, signs/CPU-s", "signHash / openssl", "with authorising / openssl"]
    return table(head, rows)


def _verifying(run):
    rows = []
    for kind, size in run.sizes.items():
        (rate, cpu), (all_rate, _), (peer_rate, peer_cpu) = (run.figures["verify", kind, who] for who in ("one", "all", "peer"))
        rows.append([_size(size), in_rate(rate), in_rate(all_rate), in_ms(cpu), in_rate(peer_rate), in_ms(peer_cpu), f"{peer_cpu / cpu:.1f}"])
    head = ["verify a folder of signed PDFs", "kyso, one thread, documents/s", "kyso, all cores, documents/s", "kyso CPU ms",
            "pyHanko warm, documents/s", "pyHanko CPU ms", "pyHanko / kyso CPU"]
    return table(head, rows)


def _cold(run):
    wall, cpu = run.figures["cold", "kyso"]
    rows = [[name, in_ms(values[0]), in_ms(values[1]), f"{values[1] / cpu:.0f}"] for (_, name), values in _of(run, "cold")]
    return table([f"verify one file of {_size(run.sizes['small'])} from a cold start", "wall ms", "CPU ms", "/ kyso CPU"], rows)


def _memory(run):
    rows = [[f"kyso verify, {_size(run.sizes[kind])}", f"{peak:,}", f"{peak - run.sizes[kind] // 1024:,}"]
            for kind, peak in run.peaks.items()]
    table = table(["memory, KiB", "peak (VmHWM)", "less the mapped file"], rows)
    rounds = ", ".join(f"{now:,} ({peak:,})" for now, peak in run.resident)
    return f"{table}\n\nService at the end of each round, resident now (at its highest), KiB: {rounds}"


def _of(run, what):
    return [(key, value) for key, value in run.figures.items() if key[0] == what]
