"""Documents to sign: copies of the samples that differ, and a large PDF made on the spot."""

import random
from pathlib import Path

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
A_PAGE_PICTURE = (700, 714)


def sample(name="to-khai-xac-nhan-cu-tru.pdf"):
    return (SAMPLES / name).read_bytes()


def samples():
    return [path.read_bytes() for path in sorted(SAMPLES.glob("*.pdf"))]


def distinct(pdf, mark):
    """The same document with another hash: a comment after its end. A page drawn for one is then not found for the next."""
    return pdf.rstrip(b"\r\n") + f"\n% copy {mark}\n".encode()


def large(size):
    """A PDF of about `size` bytes: scanned pages of half a megabyte each at most, as noise that no filter shrinks."""
    width, height = A_PAGE_PICTURE
    height = min(height, max(1, size // width))
    noise = random.Random(1)
    pages = max(1, round(size / (width * height)))
    kids = " ".join(f"{3 + 3 * n} 0 R" for n in range(pages))
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[{kids}]/Count {pages}>>".encode()]
    for n in range(pages):
        page, content, picture = (3 + 3 * n + k for k in range(3))
        box = "/MediaBox[0 0 595 842]"
        resources = f"/Resources<</XObject<</Im {picture} 0 R>>>>"
        objects.append(f"<</Type/Page/Parent 2 0 R{box}{resources}/Contents {content} 0 R>>".encode())
        objects.append(_stream("", b"q 595 0 0 842 0 0 cm /Im Do Q"))
        shape = f"/Type/XObject/Subtype/Image/Width {width}/Height {height}/ColorSpace/DeviceGray/BitsPerComponent 8"
        objects.append(_stream(shape, noise.randbytes(width * height)))
    return _file(objects)


def _stream(entries, data):
    return f"<<{entries}/Length {len(data)}>>\nstream\n".encode() + data + b"\nendstream"


def _file(objects):
    out, offsets = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    identity = "/ID[<00112233445566778899aabbccddeeff><00112233445566778899aabbccddeeff>]"
    out += f"trailer\n<</Size {len(objects) + 1}/Root 1 0 R{identity}>>\nstartxref\n{table}\n%%EOF\n".encode()
    return bytes(out)
