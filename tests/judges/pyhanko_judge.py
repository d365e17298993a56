"""pyHanko as an independent judge and as a foreign signer.

    pyhanko_judge.py validate ROOT CHAIN CRL FILE...      one JSON object a line
    pyhanko_judge.py sign KEY CERTIFICATE CHAIN IN OUT {pades|pkcs7|certify}
    pyhanko_judge.py fill IN OUT FIELD TEXT               an incremental form filling
"""

import json
import sys
from pathlib import Path

from asn1crypto import crl, pem
from pyhanko.keys import load_cert_from_pemder, load_certs_from_pemder
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext


def crls(path):
    blocks = pem.unarmor(Path(path).read_bytes(), multiple=True)
    return [crl.CertificateList.load(der) for _, _, der in blocks]


def validate(root, chain, crl_file, files):
    for name in files:
        context = ValidationContext(
            trust_roots=[load_cert_from_pemder(root)],
            other_certs=list(load_certs_from_pemder([chain])),
            crls=crls(crl_file),
            allow_fetching=False,
            revocation_mode="hard-fail",
        )
        with open(name, "rb") as handle:
            signature = PdfFileReader(handle).embedded_signatures[-1]
            status = validate_pdf_signature(signature, context)
        print(json.dumps({
            "file": name,
            "valid": bool(status.bottom_line),
            "intact": bool(status.intact),
            "trusted": bool(status.trusted),
            "subfilter": str(signature.sig_object["/SubFilter"]),
            "coverage": status.coverage.name,
            "mechanism": status.pkcs7_signature_mechanism,
        }))


def sign(key, certificate, chain, source, target, kind):
    signer = signers.SimpleSigner.load(key, certificate, ca_chain_files=[chain])
    subfilter = fields.SigSeedSubFilter.ADOBE_PKCS7_DETACHED if kind == "pkcs7" else fields.SigSeedSubFilter.PADES
    metadata = signers.PdfSignatureMetadata(
        field_name="Foreign",
        subfilter=subfilter,
        md_algorithm="sha256",
        certify=kind == "certify",
        docmdp_permissions=fields.MDPPerm.NO_CHANGES if kind == "certify" else fields.MDPPerm.FILL_FORMS,
    )
    with open(source, "rb") as handle, open(target, "wb") as out:
        signers.sign_pdf(IncrementalPdfFileWriter(handle), metadata, signer=signer, output=out)


def fill(source, target, field, text):
    with open(source, "rb") as handle, open(target, "wb") as out:
        writer = IncrementalPdfFileWriter(handle)
        form = writer.root["/AcroForm"]
        for reference in form["/Fields"]:
            entry = reference.get_object() if hasattr(reference, "get_object") else reference
            if entry.get("/T") == field:
                entry["/V"] = generic.pdf_string(text)
                writer.update_container(entry)
        writer.write(out)


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    if what == "validate":
        validate(arguments[0], arguments[1], arguments[2], arguments[3:])
    elif what == "sign":
        sign(*arguments)
    else:
        fill(*arguments)
