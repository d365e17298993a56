#!/usr/bin/env python3
"""What verifying costs: kyso beside pyHanko over sizes, over many signatures and revisions, and its memory.

    cargo build --release && pip install pyhanko
    benches/verifying.py --out verifying.json       two minutes; --quick: some seconds, figures worth nothing

Both sides check the same document, chain and revocation lists; rounds alternate and medians of processor time are told.
kyso's time includes a share of the start of its program, pyHanko's does not.
"""

import argparse
import io
import json
import os
import shlex
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import documents
import peer
from measuring import command, in_process, machine, median, peak_memory
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

KILOBYTE, MEGABYTE = 10**3, 10**6
# Seconds after which pyHanko is not asked for another round on the same document: it needs minutes for some.
PATIENCE = 10


def signed_by_many(signer, pdf, count):
    """One signature after the other, each in its own update."""
    for number in range(count):
        metadata = signers.PdfSignatureMetadata(
            field_name=f"Signature{number}", subfilter=fields.SigSeedSubFilter.PADES, md_algorithm="sha256")
        out = io.BytesIO()
        signers.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)), metadata, signer=signer, output=out)
        pdf = out.getvalue()
    return pdf


def with_updates(pdf, count):
    """Updates that change nothing: a cross-reference section each."""
    reader = PdfFileReader(io.BytesIO(pdf))
    root, size = reader.trailer.raw_get("/Root").idnum, int(reader.trailer["/Size"])
    previous, out = reader.last_startxref, bytearray(pdf)
    for _ in range(count):
        at = len(out)
        trailer = f"<</Size {size}/Root {root} 0 R/Prev {previous}>>"
        out += f"xref\n0 0\ntrailer\n{trailer}\nstartxref\n{at}\n%%EOF\n".encode()
        previous = at
    return bytes(out)


class Validator(peer.Validator):
    """Validates every signature of a file."""

    def validate(self, path):
        with open(path, "rb") as handle:
            for signature in PdfFileReader(handle).embedded_signatures:
                context = ValidationContext(
                    trust_roots=self.roots, crls=self.crls, allow_fetching=False, revocation_mode="hard-fail")
                validate_pdf_signature(signature, context)


def made(signer, quick):
    """Documents by name, each with how many copies one run verifies."""
    sizes = [("100 KB", documents.sample(), 3 if quick else 200)]
    if not quick:
        sizes += [("10 MB", documents.large(10 * MEGABYTE), 20), ("100 MB", documents.large(100 * MEGABYTE), 3)]
    many = 5 if quick else 51
    made = {name: (peer.sign(signer, pdf), copies) for name, pdf, copies in sizes}
    made[f"{many} signatures"] = (signed_by_many(signer, documents.sample(), many), 1 if quick else 3)
    updates = 30 if quick else 3000
    made[f"{updates} revisions before the signature"] = (peer.sign(signer, with_updates(documents.sample(), updates)), 1)
    made[f"{updates} revisions after the signature"] = (with_updates(peer.sign(signer, documents.sample()), updates), 1)
    return made


def run(kyso, quick, only):
    rounds = 1 if quick else 5
    rows = []
    with tempfile.TemporaryDirectory(prefix="kyso-verifying-", dir=os.environ.get("TMPDIR", "/var/tmp")) as temporary:
        folder = Path(temporary)
        pki = peer.Pki.p256(folder / "pki")
        validator = Validator(pki.root, pki.crl)
        verify = [kyso, "verify", "--json", "--jobs", "1", "--trust", pki.root, "--crl", pki.crl]
        for name, (pdf, copies) in made(pki.signer(), quick).items():
            if only not in name:
                continue
            place = folder / name.replace(" ", "-")
            place.mkdir()
            files = [place / f"{number:05}.pdf" for number in range(copies)]
            files[0].write_bytes(pdf)
            for copy in files[1:]:
                os.link(files[0], copy)
            ours, theirs, answer = [], [], ""
            for _ in range(rounds):
                spent, answer = command([*verify, place])
                ours.append(spent.cpu / copies)
                if sum(theirs) > PATIENCE:
                    continue
                again = max(1, copies // 10)
                theirs.append(in_process(lambda: [validator.validate(files[0]) for _ in range(again)]).cpu / again)
            lines = [json.loads(line) for line in answer.splitlines()]
            passed = all(s["indication"] == "TOTAL-PASSED" for line in lines for s in line["signatures"])
            rows.append({
                "document": name, "bytes": len(pdf), "signatures": len(lines[0]["signatures"]), "passed": passed,
                "kyso_ms": median(ours) * 1000, "pyhanko_ms": median(theirs) * 1000,
                "ratio": median(theirs) / median(ours),
                "peak_kib_less_file": peak_memory([*verify, files[0]]) - len(pdf) // 1024,
            })
    return {"command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]), **machine(kyso), "rounds": rounds, "rows": rows}


def markdown(done):
    lines = ["| document | size, KB | signatures | kyso, ms CPU | pyHanko, ms CPU | ratio | peak memory without the file, MiB |",
             "| --- | --- | --- | --- | --- | --- | --- |"]
    for row in done["rows"]:
        lines.append(f"| {row['document']} | {row['bytes'] / KILOBYTE:.0f} | {row['signatures']}{'' if row['passed'] else ', not passed'} | "
                     f"{row['kyso_ms']:.2f} | {row['pyhanko_ms']:.1f} | {row['ratio']:.1f} | {row['peak_kib_less_file'] / 1024:.1f} |")
    facts = [f"{key}: {value}" for key, value in done.items() if key != "rows"]
    return "\n".join([*lines, "", *facts])


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--kyso", type=Path, default=Path("target/release/kyso"), help="the program to measure")
    arguments.add_argument("--out", type=Path, help="where the figures go as JSON")
    arguments.add_argument("--quick", action="store_true", help="a smoke run of some seconds")
    arguments.add_argument("--only", default="", metavar="TEXT", help="documents whose names hold this, e.g. B")
    given = arguments.parse_args()
    if not given.kyso.exists():
        raise SystemExit(f"{given.kyso} is not there: cargo build --release")
    done = run(given.kyso.resolve(), given.quick, given.only)
    print(markdown(done))
    if given.out:
        given.out.write_text(json.dumps(done, indent=1) + "\n")


if __name__ == "__main__":
    main()
