#!/usr/bin/env python3
"""`credentials/authorize` and `signatures/signHash` of a whole service, step by step, beside `openssl speed` in the same run.

    cargo build --release
    benches/csc.py --out csc.json           some minutes; --quick: some seconds, figures worth nothing

Needs Linux and `openssl`; builds nothing. The service runs as it ships: SQLite with `synchronous = FULL`, each SAD used up
before the key is touched, the signature and its record in the audit chain committed before the answer. Sides take turns,
medians of five rounds are told. Nothing here asserts a time.
"""

import argparse
import json
import tempfile
from collections import defaultdict
from pathlib import Path

import sandbox
from measuring import fdatasync_rate, machine, median, openssl_speed
from report import in_ms, in_rate, table

# Credential of the sandbox, name for people, signAlgo, name for `openssl speed`.
KEYS = [
    ("rsa-2048", "RSA-2048", "1.2.840.113549.1.1.11", "rsa2048"),
    ("rsa-3072", "RSA-3072", "1.2.840.113549.1.1.11", "rsa3072"),
    ("ec-p256", "ECDSA P-256", "1.2.840.10045.4.3.2", "ecdsap256"),
]
STEPS = ("authorize, ask for a code", "authorize, PIN and code", "signHash")


def measure(kyso, folder, rounds, plan):
    """Per step and signature: seconds on the wall and of the service's processor time, by key and hashes of a SAD."""
    seen = defaultdict(list)
    for _ in range(rounds):
        with sandbox.Sandbox(kyso, folder) as service:
            client = sandbox.Client(service).log_in()
            for credential, _, algorithm, speed in KEYS:
                for hashes, times in plan.items():
                    done = [sandbox.sign_hashes(service, client, credential, algorithm, hashes) for _ in range(times)]
                    for step, parts in enumerate(zip(*done)):
                        seen[credential, hashes, step].append(
                            tuple(sum(getattr(part, what) for part in parts) / times for what in ("wall", "cpu")))
                seen["openssl", credential].append(openssl_speed(speed))
    return seen


def report(seen, plan):
    steps, ratios = [], []
    for credential, name, *_ in KEYS:
        raw = median(seen["openssl", credential])
        for hashes in plan:
            medians = [tuple(map(median, zip(*seen[credential, hashes, step]))) for step in range(len(STEPS))]
            what = f"{name}, {hashes} hash{'es' * (hashes > 1)} a SAD"
            steps.append([what, *(f"{in_ms(wall)} ({in_ms(cpu)})" for wall, cpu in medians)])
            signing, whole = medians[-1][1] / hashes, sum(cpu for _, cpu in medians) / hashes
            ratios.append([what, in_rate(1 / signing), in_rate(1 / whole), in_rate(raw),
                           f"{1 / signing / raw:.3f}", f"{1 / whole / raw:.4f}"])
    return "\n\n".join([
        table(["a call, ms on the wall (service CPU ms)", *STEPS], steps),
        table(["a signature", "signHash /CPU-s", "authorize and signHash /CPU-s", "openssl speed /CPU-s", "signHash / openssl",
               "both / openssl"], ratios),
    ])


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--kyso", type=Path, default=Path("target/release/kyso"), help="the program to measure")
    arguments.add_argument("--out", type=Path, help="where the figures go as JSON, every round of them")
    arguments.add_argument("--quick", action="store_true", help="a smoke run of some seconds")
    given = arguments.parse_args()
    rounds, plan = (1, {1: 1, 50: 1}) if given.quick else (5, {1: 8, 100: 4})
    with tempfile.TemporaryDirectory(prefix="kyso-csc-", dir="/var/tmp") as temporary:
        folder = Path(temporary)
        facts = {**machine(given.kyso), "durable 4 KiB appends a second": f"{fdatasync_rate(folder):.0f}"}
        with sandbox.Sandbox(given.kyso, folder):
            pass  # makes the development keys, which later starts find
        seen = measure(given.kyso.resolve(), folder, rounds, plan)
    print("\n".join(f"- {name}: {value}" for name, value in facts.items()), report(seen, plan), sep="\n\n")
    if given.out:
        measured = {" ".join(map(str, key)): values for key, values in seen.items()}
        given.out.write_text(json.dumps({"facts": facts, "rounds": rounds, "measured": measured}, indent=1) + "\n")


if __name__ == "__main__":
    main()
