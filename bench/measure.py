"""Measures: every proxy in turn on every case, round after round, and what each needs to be there at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from attrs import frozen

from bench.cases import Case
from bench.contenders import Contender
from bench.figures import Endurance, Footprint, Results, Sample
from bench.load import Load, Loader
from bench.process import ServerFailed, ServerProcess
from bench.signin import sign_in

_WARM_UP_SECONDS = 1.0
_SETTLE_SECONDS = 1.0
"""What a server that has just begun to listen may take to finish its start."""
_USUAL = Case(name="usual", title="")
_THOUSAND = Case(name="thousand", title="", connections=1000)


@frozen(kw_only=True)
class Measurement:
    """How to measure: what sends the load, for how long at a time, and who hears how far it is."""

    loader: Loader
    seconds: float
    say: Callable[[str], object]

    def rounds(self, contenders: Sequence[Contender], cases: Sequence[Case], count: int) -> Results:
        """Measure every case `count` times.

        In a round, the proxies are started anew and all stay. Only one of them is under load at a time, and they take
        turns within each case, so that a busy machine disturbs alike what is compared.
        """
        results = Results()
        for number in range(count):
            with ExitStack() as stack:
                running = [(contender, self._warm(contender, stack)) for contender in contenders]
                for case in cases:
                    for contender, server in running:
                        if case.is_for(contender.name):
                            sample = self._sample(case, contender, server)
                            results.add(case.name, contender.name, sample)
                            self.say(f"{number + 1}/{count} {case.name}: {contender.name} {sample.cpu_us:.1f} µs")
        return results

    def footprint(self, contender: Contender) -> Footprint:
        """Start it for this alone, and look at its memory at rest and under load."""
        server = contender.start()
        try:
            time.sleep(_SETTLE_SECONDS)
            idle = server.memory()
            self._load(_USUAL, contender, self.seconds)
            loaded = server.memory()
            with ThreadPoolExecutor(1) as aside:
                under_way = aside.submit(self._load, _THOUSAND, contender, self.seconds)
                time.sleep(self.seconds * 0.8)
                thousand = server.memory()
                under_way.result()
        finally:
            server.stop()
        self.say(f"{contender.name}: starts in {server.start_ms:.0f} ms")
        return Footprint(start_ms=server.start_ms, idle=idle, loaded=loaded, thousand=thousand)

    def endurance(self, contender: Contender, *, sign_ins: int, requests: int) -> Endurance:
        """Start it, sign so many people in, have them send so many requests between them, and look at its memory."""
        server = contender.start()
        try:
            time.sleep(_SETTLE_SECONDS)
            before = server.memory()
            cookies = [sign_in(f"http://127.0.0.1:{contender.port}/oauth2/start?rd=/") for _ in range(sign_ins)]
            self.say(f"{contender.name}: {sign_ins} sign-ins")
            done = 0
            while done < requests:
                done += self._load(_USUAL, contender, self.seconds, cookies).requests
            after = server.memory()
        finally:
            server.stop()
        self.say(f"{contender.name}: {done} requests")
        return Endurance(sign_ins=sign_ins, requests=done, before=before, after=after)

    def _warm(self, contender: Contender, stack: ExitStack) -> ServerProcess:
        server = contender.start()
        stack.callback(server.stop)
        self._load(_USUAL, contender, _WARM_UP_SECONDS)
        return server

    def _sample(self, case: Case, contender: Contender, server: ServerProcess) -> Sample:
        cookies = contender.sessions(case.sessions)
        before = server.cpu_seconds()
        load = self._load(case, contender, self.seconds, cookies)
        spent = server.cpu_seconds() - before
        if not load.requests:
            raise ServerFailed(f"{contender.name} finished no request of {case.name} within {self.seconds:.0f} s")
        wrong = {way: count for way, count in load.wrong.items() if count}
        return Sample(cpu_us=spent * 1e6 / load.requests, p50_ms=load.p50_ms, p99_ms=load.p99_ms, wrong=wrong)

    def _load(self, case: Case, contender: Contender, seconds: float, cookies: Sequence[str] | None = None) -> Load:
        return self.loader.run(
            case,
            name=contender.name,
            port=contender.port,
            cookies=contender.sessions(1) if cookies is None else cookies,
            seconds=seconds,
        )
