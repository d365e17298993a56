"""pyHanko as an independent judge of levels, revocation checked, nothing fetched. One JSON object a line.

    pyhanko_levels.py ROOT CHAIN CRL pdf LEVEL=FILE...
    pyhanko_levels.py ROOT CHAIN CRL cms CONTENT LEVEL=FILE...

B-B and B-T are judged with the chain and the lists from outside; B-LT and B-LTA by pyHanko's EN 319 102-1 processes with the root
alone, from what stands in the document: B-LT by that for signatures with time, B-LTA by that with archival data, also in four years'
time, when the signer's certificate has ended.
"""

import asyncio
import dataclasses
import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from asn1crypto import cms, crl, pem
from pyhanko.keys import load_cert_from_pemder, load_certs_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_detached_cms, async_validate_pdf_signature
from pyhanko.sign.validation.ades import (
    _dss_to_local_knowledge,
    ades_lta_validation,
    ades_with_time_validation,
    simulate_future_ades_lta_validation,
)
from pyhanko.sign.validation.policy_decl import (
    PdfSignatureValidationSpec,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko.sign.validation.status import PdfSignatureStatus
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.policy_decl import CertRevTrustPolicy, RevocationCheckingPolicy
from pyhanko_certvalidator.registry import SimpleTrustManager

root, chain, lists, kind, *rest = sys.argv[1:]


def revocation_lists():
    return [crl.CertificateList.load(der) for _, _, der in pem.unarmor(Path(lists).read_bytes(), multiple=True)]


def strict(**more):
    return dict(
        trust_roots=[load_cert_from_pemder(root)], allow_fetching=False, revocation_mode="hard-fail", **more
    )


def outside():
    return ValidationContext(**strict(other_certs=list(load_certs_from_pemder([chain])), crls=revocation_lists()))


def process():
    """Revocation checked for every certificate, nothing known but the root."""
    policy = CertValidationPolicySpec(
        trust_manager=SimpleTrustManager.build(trust_roots=[load_cert_from_pemder(root)]),
        revinfo_policy=CertRevTrustPolicy(RevocationCheckingPolicy.from_legacy("hard-fail")),
    )
    gathering = RevocationInfoGatheringSpec(online_fetching_rule=RevinfoOnlineFetchingRule.LOCAL_ONLY)
    return PdfSignatureValidationSpec(SignatureValidationSpec(policy, gathering))


async def judge_with_time(signature, spec):
    signature.compute_integrity_info()
    known = dataclasses.replace(
        spec.signature_validation_spec, local_knowledge=_dss_to_local_knowledge(signature.reader)
    )
    return await ades_with_time_validation(
        signature.signed_data,
        known,
        raw_digest=signature.compute_digest(),
        extra_status_kwargs=signature.summarise_integrity_info(),
        status_cls=PdfSignatureStatus,
    )


async def judge_pdf(level, name):
    with open(name, "rb") as handle:
        reader = PdfFileReader(handle)
        signature = reader.embedded_regular_signatures[-1]
        if level in ("B-LT", "B-LTA"):
            judge = judge_with_time if level == "B-LT" else ades_lta_validation
            result = await judge(signature, process())
            said = {"now": result.ades_subindic.status.name}
            if level == "B-LTA":
                in_four_years = datetime.now(timezone.utc) + timedelta(days=4 * 365)
                future = await simulate_future_ades_lta_validation(signature, process(), in_four_years)
                said["in four years"] = future.ades_subindic.status.name
            stamps = len(reader.embedded_timestamp_signatures)
            own = result.best_signature_time
            valid = set(said.values()) == {"PASSED"}
            why = {} if valid else {"why": f"{result.ades_subindic} {result.failure_msg}"}
            return {**said, **why, "valid": valid, "stamped": own is not None, "stamps": stamps}
        status = await async_validate_pdf_signature(signature, outside())
        return told(status)


def told(status):
    stamp = status.timestamp_validity
    valid = status.bottom_line and (stamp is None or stamp.valid and stamp.trusted)
    return {"valid": bool(valid), "intact": bool(status.intact), "stamped": stamp is not None}


async def judge_cms(content, name):
    message = cms.ContentInfo.load(Path(name).read_bytes())["content"]
    with open(content, "rb") as handle:
        return told(await async_validate_detached_cms(
            handle, message, signer_validation_context=outside(), ts_validation_context=outside()
        ))


async def main():
    content, files = (rest[0], rest[1:]) if kind == "cms" else (None, rest)
    for entry in files:
        level, name = entry.split("=", 1)
        judged = await (judge_cms(content, name) if kind == "cms" else judge_pdf(level, name))
        print(json.dumps({"file": name, "level": level, **judged}))


asyncio.run(main())
