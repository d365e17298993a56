#!/usr/bin/env python3
"""The first figures of the README: signatures a second end to end, documents verified a second, beside pyHanko in one run.

    cargo build --release && pip install pyhanko pyhanko-cli
    benches/figures.py --out figures.json           a few minutes; --quick: a few seconds, figures worth nothing

Needs Linux, `openssl` and pyHanko (tried with 0.38); builds nothing. Rounds alternate between the two sides and medians
are told, because a machine is never quiet. Processor time repeats to a few per cent; time on the wall, and so every rate
"a second", depends on what else runs and on how fast the disk makes data durable. Nothing here asserts a time.
"""

import argparse
import json
import os
import shlex
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
try:
    import peer
except ModuleNotFoundError as missing:
    raise SystemExit(f"{missing}; the peer is needed: pip install pyhanko")
import documents
import report
import sandbox
from measuring import (
    command, fdatasync_rate, in_process, machine, median, openssl_speed, peak_memory)

# Credential of the sandbox, name for people, signAlgo, name for `openssl speed`.
KEYS = [
    ("ec-p256", "ECDSA P-256", "1.2.840.10045.4.3.2", "ecdsap256"),
    ("rsa-3072", "RSA-3072", "1.2.840.113549.1.1.11", "rsa3072"),
]
MEGABYTES = 10**6


class Sizes:
    """How much work a run does."""

    def __init__(self, quick):
        self.rounds = 1 if quick else 5
        self.keys = KEYS[:1] if quick else KEYS
        self.large = 1 if quick else 10
        self.huge = None if quick else 100
        self.small_journeys, self.large_journeys = (4, 1) if quick else (48, 4)
        self.clients = (1, 2) if quick else (1, 8)
        self.peer_signatures = (1, 1) if quick else (12, 4)
        self.authorisations = {1: 2, 50: 1} if quick else {1: 8, 50: 4}
        self.copies = {"small": 3, "large": 1, "huge": 1} if quick else {"small": 200, "large": 20, "huge": 2}
        self.cold = 1 if quick else 5


def signing(kyso, folder, sizes):
    """Journeys over HTTP beside pyHanko in process, and CSC beside `openssl speed`."""
    seen, signed = defaultdict(list), {}
    pkis = {"ec-p256": peer.Pki.p256(folder / "pki-ec"), "rsa-3072": peer.Pki.rsa3072(folder / "pki-rsa")}
    signers = {credential: pki.signer() for credential, pki in pkis.items()}
    small, large = documents.samples(), documents.large(sizes.large * MEGABYTES)
    memory = []
    with sandbox.Sandbox(kyso, folder):
        pass  # makes the development keys, which later starts find
    for turn in range(sizes.rounds):
        # Started anew, so that the outbox and the cache of drawn pages do not grow from round to round.
        with sandbox.Sandbox(kyso, folder) as service:
            warm = [documents.distinct(documents.sample(), f"{turn} warm")]
            sandbox.journeys(service, "ec-p256", warm, 1)
            for credential, *_ in sizes.keys:
                _journey_round(service, credential, signers[credential], small, large, turn, sizes, seen, signed)
            _csc_round(service, sizes, seen)
            memory.append(service.resident())
    return seen, signed, memory


def _journey_round(service, credential, signer, small, large, turn, sizes, seen, signed):
    plans = [("small", [small[n % len(small)] for n in range(sizes.small_journeys)], clients) for clients in sizes.clients]
    plans.append(("large", [large] * sizes.large_journeys, 1))
    for kind, pdfs, clients in plans:
        # A document is drawn once for its citizen, as in life: no two are the same.
        pdfs = [documents.distinct(pdf, f"{turn} {credential} {clients} {n}") for n, pdf in enumerate(pdfs)]
        spent, drawing, done = sandbox.journeys(service, credential, pdfs, clients)
        seen["journey", credential, kind, clients].append((len(pdfs) / spent.wall, spent.cpu / len(pdfs), drawing / len(pdfs)))
        if kind == "large":
            signed["large"] = done[0]
        else:
            # The one made from the sample of 100 KB.
            signed["small"] = max([signed.get("small", b""), *done], key=len)
        if clients == 1:
            count = sizes.peer_signatures[kind == "large"]
            used = in_process(lambda: [peer.sign(signer, pdf) for pdf in pdfs[:count]])
            seen["peer-sign", credential, kind].append(used.cpu / min(count, len(pdfs)))


def _csc_round(service, sizes, seen):
    client = sandbox.Client(service).log_in()
    for credential, _, algorithm, speed in sizes.keys:
        for hashes, times in sizes.authorisations.items():
            done = [sandbox.sign_hashes(service, client, credential, algorithm, hashes) for _ in range(times)]
            total = hashes * times
            wall = sum(part.wall for steps in done for part in steps)
            authorising = sum(asked.cpu + confirmed.cpu for asked, confirmed, _ in done) / total
            signing_ = sum(signed.cpu for *_, signed in done) / total
            seen["csc", credential, hashes].append((total / wall, authorising, signing_))
        seen["openssl", credential].append(openssl_speed(speed))


def verifying(kyso, folder, signed, anchors, sizes):
    """`kyso verify` over folders beside pyHanko's validator in process, then one file from a cold start."""
    seen, facts = defaultdict(list), {}
    for kind, pdf in signed.items():
        facts[kind] = {"bytes": len(pdf), "files": sizes.copies[kind]}
        facts[kind]["folder"] = _copies(folder / f"verify-{kind}", pdf, sizes.copies[kind])
    for _ in range(sizes.rounds):
        for kind, fact in facts.items():
            root, crl = anchors[kind]
            files = sorted(fact["folder"].iterdir())
            verify = [kyso, "verify", "--json", "--trust", root, "--crl", crl]
            for jobs, name in [(1, "one"), (0, "all")]:
                spent, answer = command([*verify, "--jobs", jobs, fact["folder"]])
                if answer.count('"indication":"TOTAL-PASSED"') != len(files):
                    raise SystemExit(f"kyso does not accept every {kind} file")
                seen["verify", kind, name].append((len(files) / spent.wall, spent.cpu / len(files)))
            validator = peer.Validator(root, crl)
            validator.validate(files[0])
            count = max(1, len(files) // 2)
            spent = in_process(lambda: [validator.validate(path) for path in files[:count]])
            seen["verify", kind, "peer"].append((count / spent.wall, spent.cpu / count))
    _cold(kyso, facts["small"], anchors["small"], sizes, seen)
    peaks = {kind: peak_memory([kyso, "verify", "--json", "--trust", anchors[kind][0], "--crl", anchors[kind][1],
                                sorted(fact["folder"].iterdir())[0]]) for kind, fact in facts.items()}
    return seen, facts, peaks


def _cold(kyso, fact, anchors, sizes, seen):
    root, crl = anchors
    file = sorted(fact["folder"].iterdir())[0]
    sides = {
        "kyso": [kyso, "verify", "--json", "--trust", root, "--crl", crl, file],
        "pyHanko, same checks": [sys.executable, Path(peer.__file__), root, crl, file],
    }
    if sizes.cold > 1 and peer.program():
        # Its command takes no revocation list, so it checks less here.
        sides["pyhanko sign validate, no revocation"] = [
            peer.program(), "sign", "validate", "--no-revocation-check", "--trust", root, "--trust-replace", file]
    for _ in range(sizes.cold):
        for name, arguments in sides.items():
            spent, _ = command(arguments)
            seen["cold", name].append((spent.wall, spent.cpu))


def _copies(folder, pdf, count):
    """Names of one file: reading a copy costs the same."""
    folder.mkdir()
    first = folder / "00000.pdf"
    first.write_bytes(pdf)
    for n in range(1, count):
        os.link(first, folder / f"{n:05}.pdf")
    return folder


def run(kyso, quick):
    sizes = Sizes(quick)
    facts = {"command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]), **machine(kyso)}
    with tempfile.TemporaryDirectory(prefix="kyso-figures-", dir=os.environ.get("TMPDIR", "/var/tmp")) as temporary:
        folder = Path(temporary)
        syncs = [fdatasync_rate(folder)]
        signed_seen, signed, resident = signing(kyso, folder, sizes)
        syncs.append(fdatasync_rate(folder))
        pki = folder / "data" / "dev-pki"
        ours = (pki / "root.pem", pki / "crl.pem")
        anchors = {"small": ours, "large": ours}
        if sizes.huge:
            # More than the service takes; pyHanko makes it, with keys of its own.
            theirs = peer.Pki.p256(folder / "pki-huge")
            signed["huge"] = peer.sign(theirs.signer(), documents.large(sizes.huge * MEGABYTES))
            anchors["huge"] = (theirs.root, theirs.crl)
        verified, files, peaks = verifying(kyso, folder, signed, anchors, sizes)
    facts["durable 4 KiB appends a second (fdatasync), before and after"] = " ".join(f"{rate:.0f}" for rate in syncs)
    measured = {**signed_seen, **verified}
    figures = {key: [median(column) for column in zip(*values)] if isinstance(values[0], tuple) else median(values)
               for key, values in measured.items()}
    sizes_seen = {kind: fact["bytes"] for kind, fact in files.items()}
    return report.Run(facts, sizes.keys, sizes.rounds, figures, measured, sizes_seen, peaks, resident)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--kyso", type=Path, default=Path("target/release/kyso"), help="the program to measure")
    arguments.add_argument("--out", type=Path, help="where the figures go as JSON, every round of them")
    arguments.add_argument("--quick", action="store_true", help="a smoke run of some seconds")
    given = arguments.parse_args()
    if not given.kyso.exists():
        raise SystemExit(f"{given.kyso} is not there: cargo build --release")
    done = run(given.kyso.resolve(), given.quick)
    print(report.markdown(done))
    if given.out:
        given.out.write_text(json.dumps(report.plain(done), indent=1) + "\n")


if __name__ == "__main__":
    main()
