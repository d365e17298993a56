"""A mail server that keeps what it is given: smtp_server.py FOLDER. Prints its port; each letter becomes a file."""

import asyncio
import pathlib
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

folder = pathlib.Path(sys.argv[1])


class Mailbox:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        head = f"X-Rcpt: {','.join(envelope.rcpt_tos)}\r\nX-Login: {session.auth_data}\r\n".encode()
        number = len(list(folder.glob("*.eml"))) + 1
        unfinished = folder / f"{number}.new"
        unfinished.write_bytes(head + envelope.content)
        unfinished.rename(folder / f"{number}.eml")
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and data.login == b"kyso" and data.password == b"canary-password"
    return AuthResult(success=good, handled=False, auth_data=data.login.decode() if good else None)


async def main():
    def one():
        return SMTP(Mailbox(), authenticator=authenticate, auth_require_tls=False, auth_required=True)

    server = await asyncio.get_running_loop().create_server(one, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
