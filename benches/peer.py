"""The same work by pyHanko: signing a PDF as PAdES B-B, validating one against the same anchor and revocation lists.

    peer.py ROOT CRL FILE      validates one file, start of the program included
"""

import io
import sys
import sysconfig
from datetime import datetime, timedelta, timezone
from pathlib import Path

from asn1crypto import crl as asn1_crl
from asn1crypto import pem
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext


def program():
    """pyHanko's own command, if it is installed beside this Python."""
    path = Path(sysconfig.get_path("scripts")) / "pyhanko"
    return path if path.exists() else None


class Validator:
    """Reads anchors and lists once, as a service would that validates many files."""

    def __init__(self, root, crl):
        self.roots = [load_cert_from_pemder(str(root))]
        blocks = pem.unarmor(Path(crl).read_bytes(), multiple=True)
        self.crls = [asn1_crl.CertificateList.load(der) for _, _, der in blocks]

    def validate(self, path):
        context = ValidationContext(
            trust_roots=self.roots, crls=self.crls, allow_fetching=False, revocation_mode="hard-fail"
        )
        with open(path, "rb") as handle:
            signature = PdfFileReader(handle).embedded_signatures[-1]
            status = validate_pdf_signature(signature, context)
        if not status.bottom_line:
            raise SystemExit(f"pyHanko does not accept {path}")


class Pki:
    """A root, an issuing CA and a signer of the usual shape, for what pyHanko signs."""

    def __init__(self, folder, key):
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        root_key, ca_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        root = _certificate("Benchmark Root", root_key.public_key(), "Benchmark Root", root_key, ca=True)
        ca = _certificate("Benchmark CA", ca_key.public_key(), "Benchmark Root", root_key, ca=True)
        leaf = _certificate("Benchmark Signer", key.public_key(), "Benchmark CA", ca_key, ca=False)
        self.root, self.crl, self.chain = folder / "root.pem", folder / "crl.pem", folder / "ca.pem"
        self.leaf, self.key = folder / "leaf.pem", folder / "key.pem"
        pem_form = serialization.Encoding.PEM
        for path, certificate in [(self.root, root), (self.chain, ca), (self.leaf, leaf)]:
            path.write_bytes(certificate.public_bytes(pem_form))
        lists = [_revocation("Benchmark Root", root_key), _revocation("Benchmark CA", ca_key)]
        self.crl.write_bytes(b"".join(one.public_bytes(pem_form) for one in lists))
        form = serialization.PrivateFormat.PKCS8
        self.key.write_bytes(key.private_bytes(pem_form, form, serialization.NoEncryption()))

    @classmethod
    def p256(cls, folder):
        return cls(folder, ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def rsa3072(cls, folder):
        return cls(folder, rsa.generate_private_key(65537, 3072))

    def signer(self):
        return signers.SimpleSigner.load(str(self.key), str(self.leaf), ca_chain_files=[str(self.chain)])


def sign(signer, pdf):
    """The signed document, from bytes to bytes."""
    metadata = signers.PdfSignatureMetadata(
        field_name="Signature1", subfilter=fields.SigSeedSubFilter.PADES, md_algorithm="sha256"
    )
    out = io.BytesIO()
    signers.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)), metadata, signer=signer, output=out)
    return out.getvalue()


def sign_file(signer, source, target):
    """From file to file, through memory: given open files it takes half as long again."""
    Path(target).write_bytes(sign(signer, Path(source).read_bytes()))


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(subject, public, issuer, issuer_key, ca):
    now, authority = datetime.now(timezone.utc), x509.AuthorityKeyIdentifier.from_issuer_public_key
    builder = x509.CertificateBuilder().subject_name(_name(subject)).issuer_name(_name(issuer)).public_key(public)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=365))
    usage = dict.fromkeys(
        ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"], False)
    usage |= {"key_cert_sign": True, "crl_sign": True} if ca else {"content_commitment": True}
    builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    builder = builder.add_extension(authority(issuer_key.public_key()), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _revocation(issuer, key):
    now = datetime.now(timezone.utc)
    builder = x509.CertificateRevocationListBuilder().issuer_name(_name(issuer))
    builder = builder.last_update(now - timedelta(hours=1)).next_update(now + timedelta(days=7))
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    builder = builder.add_extension(authority, critical=False).add_extension(x509.CRLNumber(1), critical=False)
    return builder.sign(key, hashes.SHA256())


if __name__ == "__main__":
    Validator(sys.argv[1], sys.argv[2]).validate(sys.argv[3])
