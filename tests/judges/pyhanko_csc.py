"""pyHanko as a portal that signs through the CSC API:

pyhanko_csc.py READY CREDENTIAL {v1|v2} {pkcs1|pss|ecdsa} {sha256|sha384} IN... OUT_FOLDER

Several documents are a batch: one authorisation, one call of signHash."""

import asyncio
import json
import os
import sys

import aiohttp
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.signers import csc_signer

ready_file, credential, version, scheme, digest, *sources, target = sys.argv[1:]
ready = json.load(open(ready_file))
signer_entry = next(s for s in ready["signers"] if any(c["id"] == credential for c in s["credentials"]))


class Citizen(csc_signer.CSCAuthorizationManager):
    """Passes PIN and code in band, as explicit mode allows."""

    def __init__(self, session, info, credential_info):
        super().__init__(info, credential_info)
        self.session = session

    async def post(self, method, body):
        url = f"{ready['csc'][version]}/credentials/{method}"
        async with self.session.post(url, json=body, headers=self.csc_session_info.auth_headers) as answer:
            assert answer.ok, await answer.text()
            return None if answer.status == 204 else await answer.json()

    async def authorize_signature(self, hash_b64s):
        await self.post("sendOTP", {"credentialID": credential})
        async with self.session.get(ready["outbox_url"]) as outbox:
            code = (await outbox.json())[-1]["code"]
        request = self.format_csc_auth_request(
            num_signatures=len(hash_b64s), pin=signer_entry["pin"], otp=code, hash_b64s=hash_b64s
        )
        return self.parse_csc_auth_response(await self.post("authorize", request))


async def main():
    portal = aiohttp.BasicAuth(ready["portal"]["client_id"], ready["portal"]["client_secret"])
    async with aiohttp.ClientSession() as session:
        async with session.post(ready["token_url"], data={"grant_type": "client_credentials"}, auth=portal) as answer:
            token = (await answer.json())["access_token"]
        info = csc_signer.CSCServiceSessionInfo(ready["url"], credential, oauth_token=token, api_ver=version)
        credential_info = await csc_signer.fetch_certs_in_csc_credential(session, info)
        signer = csc_signer.CSCSigner(
            session,
            Citizen(session, info, credential_info),
            batch_size=len(sources),
            batch_autocommit=True,
            prefer_pss=scheme == "pss",
        )
        metadata = signers.PdfSignatureMetadata(
            field_name="Portal", subfilter=fields.SigSeedSubFilter.PADES, md_algorithm=digest
        )

        async def sign(source):
            with open(source, "rb") as handle, open(os.path.join(target, os.path.basename(source)), "wb") as out:
                await signers.async_sign_pdf(IncrementalPdfFileWriter(handle), metadata, signer=signer, output=out)

        await asyncio.gather(*(sign(source) for source in sources))


asyncio.run(main())
