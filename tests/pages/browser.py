"""A real browser, asked over its debugging pipe what a page requested and how it came to look."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@dataclass
class Browser:
    """One page of a browser. ``requests`` are the addresses that it asked for since the last ``open``."""

    down: int
    up: int
    requests: list[str] = field(default_factory=list)
    session: str = ""
    asked: int = 0
    left: bytes = b""

    def open(self, page: Path, *, theme: str = "light") -> None:
        """Open a file and wait until it is loaded."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        self.requests.clear()
        self.call("Page.navigate", url=page.as_uri())
        while self._message().get("method") != "Page.loadEventFired":
            pass

    def value(self, script: str) -> Any:
        """What ``script`` comes to on the page."""
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self.asked += 1
        asked: dict[str, Any] = {"id": self.asked, "method": method, "params": params}
        if self.session:
            asked["sessionId"] = self.session
        os.write(self.down, json.dumps(asked).encode() + b"\0")
        while (message := self._message()).get("id") != asked["id"]:
            pass
        assert "error" not in message, message
        return message["result"]

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self.left:
            read = os.read(self.up, 1 << 16)
            assert read, "the browser has gone"
            self.left += read
        text, _, self.left = self.left.partition(b"\0")
        message = json.loads(text)
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        return message


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser with an empty page."""
    (here, down), (up, there) = os.pipe(), os.pipe()
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
    command += [f"--user-data-dir={profile}", "--window-size=1200,900", "--disable-background-networking"]
    shell = ["bash", "-c", f'exec "$@" 3<&{here} 4>&{there}', "bash", *command, "about:blank"]
    running = subprocess.Popen(shell, pass_fds=(here, there), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(here)
    os.close(there)
    try:
        found = Browser(down, up)
        target = found.call("Target.createTarget", url="about:blank")["targetId"]
        found.session = found.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network"):
            found.call(f"{domain}.enable")
        yield found
        found.session = ""
        found.call("Browser.close")
        running.wait(timeout=60)
    finally:
        running.kill()
        running.wait()
        os.close(down)
        os.close(up)
