"""A citizen with a passkey in a real browser: passkey_browser.py CHROMIUM PROFILE ENROL_URL CONFIRM_URL [SCREENSHOT_FOLDER]

Drives Chromium over its debugging protocol, with a virtual authenticator that verifies its user. Registers a passkey at the
first address, confirms with it at the second, and prints the title the page ends with.
"""

import asyncio
import base64
import itertools
import json
import pathlib
import sys

import aiohttp

chromium, profile, enrol_url, confirm_url, *shots = sys.argv[1:]


class Page:
    def __init__(self, socket):
        self.socket, self.ids, self.waiting = socket, itertools.count(1), {}

    async def listen(self):
        async for message in self.socket:
            answer = json.loads(message.data)
            if answer.get("id") in self.waiting:
                self.waiting.pop(answer["id"]).set_result(answer)

    async def call(self, method, **params):
        number = next(self.ids)
        self.waiting[number] = asyncio.get_running_loop().create_future()
        future = self.waiting[number]
        await self.socket.send_json({"id": number, "method": method, "params": params})
        answer = await asyncio.wait_for(future, 30)
        assert "error" not in answer, answer
        return answer["result"]

    async def run(self, script):
        result = await self.call("Runtime.evaluate", expression=script, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, script):
        for _ in range(300):
            try:
                if value := await self.run(script):
                    return value
            except AssertionError:
                pass  # Between two pages there is nothing to ask.
            await asyncio.sleep(0.1)
        raise SystemExit(f"never true: {script}; the page says: {await self.run('document.body.innerText')}")

    async def open(self, url):
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def shot(self, name):
        if shots:
            image = await self.call("Page.captureScreenshot", captureBeyondViewport=True)
            pathlib.Path(shots[0], name).write_bytes(base64.b64decode(image["data"]))


async def main():
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--remote-debugging-port=0", "--window-size=420,1400", f"--user-data-dir={profile}", "about:blank"]
    browser = await asyncio.create_subprocess_exec(chromium, *flags, stderr=asyncio.subprocess.PIPE)
    try:
        while b"DevTools listening on" not in (line := await asyncio.wait_for(browser.stderr.readline(), 60)):
            assert line, "the browser has ended"
        port = line.decode().split("127.0.0.1:")[1].split("/")[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                target = next(t for t in await answer.json() if t["type"] == "page")
            async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                page = Page(socket)
                listening = asyncio.create_task(page.listen())
                await play(page)
                listening.cancel()
    finally:
        browser.kill()
        await browser.wait()


async def play(page):
    await page.call("Page.enable")
    await page.call("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
               "isUserVerified": True, "automaticPresenceSimulation": True}
    await page.call("WebAuthn.addVirtualAuthenticator", options=options)
    await page.open(enrol_url)
    await page.shot("enrol.png")
    await page.until("!document.querySelector('form[data-passkey] button').disabled")
    await page.run("document.querySelector('form[data-passkey] button').click()")
    await page.until("!document.querySelector('form') && document.querySelector('h1') !== null")
    await page.open(confirm_url)
    await page.shot("ways.png")
    await page.run("document.querySelector('input[name=way][value=passkey]').form.requestSubmit()")
    await page.until("document.querySelector('form[data-passkey=get]') !== null && !document.querySelector('form[data-passkey] button').disabled")
    await page.shot("passkey.png")
    await page.run("document.querySelector('form[data-passkey] button').click()")
    await page.until("document.querySelector('form') === null && document.querySelector('#title') !== null && !document.querySelector('progress') && document.querySelector('meta[http-equiv=refresh]') === null")
    await page.shot("signed.png")
    print(await page.run("document.querySelector('#title').innerText"))


asyncio.run(main())
