# SPDX-License-Identifier: Apache-2.0
"""When to write code for one system alone, and how it comes into use during a search."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager

from xsavvy.checker.bind import System
from xsavvy.checker.native.fused import Fused
from xsavvy.checker.native.jit import Jit
from xsavvy.checker.native.layout import Layout
from xsavvy.checker.native.walk import Walk

LONG = 1 << 22  # states after which a search is long enough to compile for it


class OwnCode(AbstractContextManager["OwnCode"]):
    """A system's fused code: taken from the cache, compiled first, or beside a long search.

    `wanted`: True compiles before the search, False never does; None waits until the search is
    long, and then compiles while it goes on. Make it when all other code is there: whoever asks
    the compiler for an address has it compile what waits.
    """

    def __init__(self, system: System, layout: Layout, jit: Jit, wanted: bool | None) -> None:
        self.jit = jit
        self.wanted = wanted
        self.fused = Fused(system, layout)
        self.ready = False
        self.used = False
        self.worker: ThreadPoolExecutor | None = None
        self.coming: Future[dict[bytes, bytes]] | None = None
        if wanted is not False:
            jit.add(self.fused.key, self.fused.text)
            if wanted:
                jit.load()
            self.ready = jit.fetch()

    def offer(self, walk: Walk) -> None:
        """Between two slices of a search: hand the code over if it is there, see to it if not."""
        if self.used or self.wanted is False:
            return
        if self.coming is not None and self.coming.done():
            self.jit.take(self.coming.result())
            self.ready = True
        if self.ready:
            walk.use(self.jit.address(self.fused.expand), self.jit.address(self.fused.judge))
            self.used = True
        elif self.coming is None and walk.states > LONG:
            self.worker = ThreadPoolExecutor(1, "compile")
            self.coming = self.worker.submit(self.jit.prepare)

    def __exit__(self, *_: object) -> None:
        """Wait for a compilation that is under way; its code is in the cache for next time."""
        if self.worker is not None:
            self.worker.shutdown()
        self.jit.waiting.clear()
