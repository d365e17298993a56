#!/usr/bin/env python3
"""What signing costs: custody beside OpenSSL and the bare engine, PDFs beside the floor and pyHanko, memory at two sizes.

    benches/signing.py --openssl target/openssl/bin/python --out signing.json     five minutes; --quick: half a minute

Needs Linux, `openssl`, pyHanko here and `cryptography` in the other environment; builds the worker and nothing else. Only
processor time is told, medians of rounds in which the sides take turns. Nothing here asserts a time.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import documents
import peer
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from measuring import in_process, machine, median, memory, openssl_speed, peak_memory, process_cpu
from report import table

# Name here, name for people, name for `openssl speed`, signatures to begin with.
ALGORITHMS = [
    ("rsa-2048", "RSA-2048", "rsa2048", 100),
    ("rsa-3072", "RSA-3072", "rsa3072", 50),
    ("rsa-4096", "RSA-4096", "rsa4096", 25),
    ("ec-p256", "ECDSA P-256", "ecdsap256", 1000),
    ("ec-p384", "ECDSA P-384", "ecdsap384", 100),
]
# Name, bytes of a document made for it (None: the sample), documents a round: ours and the floor's, pyHanko's.
SIZES = [("100 KB", 10**5, 200, 12), ("sample of 100 KB", None, 200, 6), ("10 MB", 10**7, 20, 4), ("100 MB", 10**8, 4, 1)]
# Processor seconds a side and round, and the turns they are cut into.
SLICE, TURNS = 0.4, 8


class Worker:
    """A process that does what a line says; its processor time is read from here."""

    def __init__(self, *arguments):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen([str(a) for a in arguments], **pipes)

    def ask(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer:
            raise SystemExit(f"a worker ended at: {words}")
        return answer

    def cpu(self, *words):
        before = process_cpu(self.process.pid)
        self.ask(*words)
        return process_cpu(self.process.pid) - before

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def built():
    """The worker's path, built if it is not."""
    command = ["cargo", "bench", "--features", "bench", "--bench", "signing", "--no-run", "--message-format", "json"]
    done = subprocess.run(command, cwd=HERE.parent, stdout=subprocess.PIPE, text=True, check=True)
    lines = map(json.loads, done.stdout.splitlines())
    return next(line["executable"] for line in lines if line.get("target", {}).get("name") == "signing" and line["executable"])


def tell(text):
    print(text, file=sys.stderr, flush=True)


def custody(ours, theirs, rounds, slice_):
    """Signatures a processor second by (algorithm, side): kept and each are custody's, raw the bare engine's."""
    seen = defaultdict(list)
    sides = {"raw": (ours, "raw"), "kept": (ours, "kept"), "each": (ours, "each"), "openssl": (theirs, "raw")}
    for turn in range(rounds):
        for name, _, speed, start in ALGORITHMS:
            tell(f"custody {turn + 1}/{rounds}: {name}")
            counts = {}
            for side, (worker, command) in sides.items():
                worker.ask(command, name, start)
                counts[side] = max(start, round(start * slice_ / TURNS / worker.cpu(command, name, start)))
            # In short turns: on a busy machine a processor's speed changes within a second.
            for _ in range(TURNS):
                for side, (worker, command) in sides.items():
                    seen[name, side].append(counts[side] / worker.cpu(command, name, counts[side]))
            seen[name, "speed"].append(openssl_speed(speed))
    return seen


def der_files(pki, folder):
    """The peer's key and certificates in the worker's form."""
    key = serialization.load_pem_private_key(pki.key.read_bytes(), None)
    encoding, form = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8
    (folder / "key.der").write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    for name, path in [("leaf.der", pki.leaf), ("ca.der", pki.chain)]:
        (folder / name).write_bytes(x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(encoding))


def signing(ours, folder, files, pkis, rounds, quick):
    """Processor seconds a document by (size, key, side)."""
    seen = defaultdict(list)
    out = folder / "out.pdf"
    signers = {key: pki.signer() for key, pki in pkis.items()}
    for turn in range(rounds):
        for name, _, count, peer_count in SIZES:
            count, peer_count = (1, 1) if quick else (count, peer_count)
            for key, pki in pkis.items():
                tell(f"sign {turn + 1}/{rounds}: {name}, {key}")
                ours.ask("sign", pki.key.parent, files[name], out, 1)
                ours.ask("floor", files[name], out, 1)
                # By turns within the round too: a machine that slows down slows both.
                for _ in range(2):
                    seen[name, key, "floor"].append(ours.cpu("floor", files[name], out, count) / count)
                    seen[name, key, "ours"].append(ours.cpu("sign", pki.key.parent, files[name], out, count) / count)
                used = in_process(lambda: [peer.sign_file(signers[key], files[name], out) for _ in range(peer_count)])
                seen[name, key, "peer"].append(used.cpu / peer_count)
    return seen


def memories(worker_path, kyso, folder, files, pki):
    """KiB beyond the mapped file at its highest, by (what, size)."""
    found = {}
    for name, *_ in SIZES:
        tell(f"memory: {name}")
        signed = folder / f"signed-{name.replace(' ', '')}.pdf"
        worker = Worker(worker_path)
        worker.ask("sign", pki.key.parent, files[name], signed, 1)
        (peak,) = memory(worker.process.pid, "VmHWM")
        worker.close()
        found["sign", name] = peak - files[name].stat().st_size // 1024
        verify = [kyso, "verify", "--json", "--jobs", 1, "--trust", pki.root, "--crl", pki.crl, signed]
        answer = subprocess.run([str(a) for a in verify], capture_output=True, text=True)
        if '"indication":"TOTAL-PASSED"' not in answer.stdout:
            raise SystemExit(f"what was signed does not verify: {answer.stdout}{answer.stderr}")
        found["verify", name] = peak_memory(verify) - signed.stat().st_size // 1024
    return found


def markdown(facts, rounds, keys, pdfs, kib):
    lines = [f"- {name}: {value}" for name, value in facts.items()]
    lines.append(f"- medians of {rounds} rounds, the sides taking turns in each")
    return "\n\n".join(["\n".join(lines), _custody_table(keys), _pdf_table(keys, pdfs), _memory_table(kib)])


def _custody_table(keys):
    rows = []
    for name, title, *_ in ALGORITHMS:
        raw, kept, each, bundled, speed = (keys[name, side] for side in ("raw", "kept", "each", "openssl", "speed"))
        rates = [f"{rate:,.0f}" for rate in (kept, each, raw, bundled, speed)]
        ratios = [kept / bundled, kept / speed, each / bundled, kept / raw]
        rows.append([title, *rates, *(f"{ratio:.2f}" for ratio in ratios[:-1]), f"{ratios[-1]:.3f}"])
    head = ["signatures a CPU second", "custody, key kept", "custody, key opened each time", "engine alone",
            "OpenSSL of the wheel", "openssl speed", "kept / wheel", "kept / speed", "each / wheel", "kept / engine"]
    return table(head, rows)


def _pdf_table(keys, pdfs):
    rows = []
    for name, *_ in SIZES:
        for key, algorithm in [("P-256", "ec-p256"), ("RSA-2048", "rsa-2048")]:
            floor, ours, theirs = (pdfs[name, key, side] * 1000 for side in ("floor", "ours", "peer"))
            above = ours - floor - 1000 / keys[algorithm, "raw"]
            rows.append([f"{name}, {key}", f"{floor:.2f}", f"{ours:.2f}", f"{above:.2f}", f"{ours / floor:.2f}",
                         f"{theirs:.1f}", f"{theirs / ours:.1f}"])
    head = ["sign a PDF, B-B, file to file", "floor, CPU ms", "kyso, CPU ms", "kyso above floor and key operation, ms",
            "kyso / floor", "pyHanko, CPU ms", "pyHanko / kyso"]
    return table(head, rows)


def _memory_table(kib):
    rows = []
    for what in ("sign", "verify"):
        values = [kib[what, name] for name, *_ in SIZES]
        rows.append([what, *(f"{value:,}" for value in values), f"{values[-1] - values[0]:,}"])
    head = ["peak memory beyond the mapped file, KiB", *(name for name, *_ in SIZES), "last less first"]
    return table(head, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = HERE.parent
    parser.add_argument("--kyso", type=Path, default=root / "target/release/kyso")
    parser.add_argument("--openssl", type=Path, default=Path(sys.executable), help="Python with the `cryptography` to measure")
    parser.add_argument("--worker", type=Path, help="the built worker; built when it is not given")
    parser.add_argument("--out", type=Path, help="write JSON here too")
    parser.add_argument("--quick", action="store_true", help="one short round; figures worth nothing")
    options = parser.parse_args()
    rounds, slice_ = (1, 0.02) if options.quick else (5, SLICE)
    path = options.worker or built()
    ours, theirs = Worker(path), Worker(options.openssl, HERE / "openssl.py")
    facts = machine(options.kyso) | {"OpenSSL of the wheel": theirs.ask("version")}
    with tempfile.TemporaryDirectory(prefix="kyso-signing-") as folder:
        folder = Path(folder)
        pkis = {"P-256": peer.Pki.p256(folder / "p256"),
                "RSA-2048": peer.Pki(folder / "rsa", rsa.generate_private_key(65537, 2048))}
        files = {}
        for name, size, *_ in SIZES:
            files[name] = folder / f"{name.replace(' ', '')}.pdf"
            files[name].write_bytes(documents.sample() if size is None else documents.large(size))
        for pki in pkis.values():
            der_files(pki, pki.key.parent)
        pdfs = signing(ours, folder, files, pkis, rounds, options.quick)
        keys = custody(ours, theirs, rounds, slice_)
        kib = memories(path, options.kyso, folder, files, pkis["P-256"])
    facts["load after"] = " ".join(f"{load:.2f}" for load in os.getloadavg())
    medians = [{key: median(values) for key, values in seen.items()} for seen in (keys, pdfs)]
    print(markdown(facts, rounds, *medians, kib))
    if options.out:
        named = [{" ".join(key): values for key, values in seen.items()} for seen in (keys, pdfs, kib)]
        parts = dict(zip(("facts", "signatures a CPU second", "CPU seconds a document", "memory KiB"), (facts, *named)))
        options.out.write_text(json.dumps(parts, indent=1) + "\n")
    for worker in (ours, theirs):
        worker.close()


if __name__ == "__main__":
    main()
