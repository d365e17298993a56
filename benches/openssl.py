"""OpenSSL's signatures over a ready hash, as the wheel of `cryptography` bundles it: a worker as `signing.rs` is one.

    raw ALGORITHM COUNT

It runs in an environment of its own, because which OpenSSL it is hangs on the wheel.
"""

import sys

from cryptography.hazmat.backends.openssl import backend
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

CURVES = {"ec-p256": (ec.SECP256R1(), hashes.SHA256()), "ec-p384": (ec.SECP384R1(), hashes.SHA384())}


def signer(algorithm):
    """A key of its own, its hash and scheme made ready; what is left is the call."""
    if algorithm in CURVES:
        curve, hash_ = CURVES[algorithm]
        key, scheme = ec.generate_private_key(curve), (ec.ECDSA(utils.Prehashed(hash_)),)
    else:
        hash_ = hashes.SHA256()
        key = rsa.generate_private_key(65537, int(algorithm.removeprefix("rsa-")))
        scheme = (padding.PKCS1v15(), utils.Prehashed(hash_))
    digest, sign = b"\x5a" * hash_.digest_size, key.sign
    return lambda count: [sign(digest, *scheme) for _ in range(count)]


def main():
    signers = {}
    for line in sys.stdin:
        words = line.split()
        if words[0] == "raw":
            if words[1] not in signers:
                signers[words[1]] = signer(words[1])
            signers[words[1]](int(words[2]))
        print(backend.openssl_version_text() if words[0] == "version" else "done", flush=True)


if __name__ == "__main__":
    main()
