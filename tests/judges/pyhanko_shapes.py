"""pyHanko on files of odd shapes: is the newest signature intact, valid, and over the whole file?

    pyhanko_shapes.py PASSWORD FILE...      one JSON object a line
"""

import json
import sys

from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

password, *files = sys.argv[1:]
for name in files:
    with open(name, "rb") as handle:
        reader = PdfFileReader(handle, strict=False)
        if reader.encrypted:
            reader.decrypt(password)
        signature = reader.embedded_signatures[-1]
        status = validate_pdf_signature(signature, ValidationContext(allow_fetching=False))
        print(json.dumps({
            "intact": bool(status.intact),
            "valid": bool(status.valid),
            "coverage": status.coverage.name,
            "name": str(signature.sig_object["/Name"]),
        }))
