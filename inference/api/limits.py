"""How much an application may ask: requests and tokens a minute, and requests at a time.

All web processes share the counts through the broker, one script call per request. Requests
and tokens are token buckets: as large as a minute's allowance, refilled steadily; a key that
is not there is a full bucket, so it may lapse no sooner than it is full. Requests
being answered are members of a sorted set whose scores are when they lapse; their process
renews them, so those of a killed process free their slots by themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, cast

import structlog
from redis.exceptions import NoScriptError, RedisError

from compliance.vocabulary import Application
from inference.api.errors import limited, unavailable

log = structlog.get_logger(__name__)

SLOT_LIFETIME = 15.0  # seconds without renewal until a slot is free again
RENEW_INTERVAL = 5.0  # seconds

_TAKE = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local request, slot_life = ARGV[1], tonumber(ARGV[2])
local need = {1, tonumber(ARGV[3])}
local minute = {tonumber(ARGV[4]), tonumber(ARGV[5])}
local at_once = tonumber(ARGV[6])
local level = {0, 0}
local verdict, wait = 0, 0
for i = 1, 2 do
  if minute[i] > 0 then
    local stored = redis.call('HMGET', KEYS[i], 'level', 'time')
    level[i] = minute[i]
    if stored[1] then
      local gained = math.max(0, now - tonumber(stored[2])) * minute[i] / 60
      level[i] = math.min(minute[i], tonumber(stored[1]) + gained)
    end
    need[i] = math.min(need[i], minute[i])
    local lack = need[i] - level[i]
    if lack > 0 and verdict == 0 then
      verdict = i
      wait = lack * 60 / minute[i]
    end
  end
end
if verdict == 0 and at_once > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
  if redis.call('ZCARD', KEYS[3]) >= at_once then
    verdict = 3
    wait = 1
  else
    redis.call('ZADD', KEYS[3], now + slot_life, request)
    redis.call('PEXPIRE', KEYS[3], math.ceil(slot_life * 1000))
  end
end
local answer = {verdict, tostring(wait)}
for i = 1, 2 do
  if minute[i] > 0 then
    if verdict == 0 then
      level[i] = level[i] - need[i]
      redis.call('HSET', KEYS[i], 'level', tostring(level[i]), 'time', tostring(now))
      redis.call('EXPIRE', KEYS[i], 120)
    end
    table.insert(answer, math.max(0, math.floor(level[i])))
    table.insert(answer, tostring((minute[i] - level[i]) * 60 / minute[i]))
  else
    table.insert(answer, 0)
    table.insert(answer, '0')
  end
end
return answer
"""

_SETTLE = """
redis.call('ZREM', KEYS[2], ARGV[1])
local owed, minute = tonumber(ARGV[2]), tonumber(ARGV[3])
if owed ~= 0 then
  local time = redis.call('TIME')
  local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
  local stored = redis.call('HMGET', KEYS[1], 'level', 'time')
  local level = minute
  if stored[1] then
    local gained = math.max(0, now - tonumber(stored[2])) * minute / 60
    level = math.min(minute, tonumber(stored[1]) + gained)
  end
  level = math.min(minute, level - owed)
  redis.call('HSET', KEYS[1], 'level', tostring(level), 'time', tostring(now))
  redis.call('EXPIRE', KEYS[1], 120 + math.ceil((minute - level) * 60 / minute))
end
return 0
"""

_RENEW = """
local time = redis.call('TIME')
local until_ = tonumber(time[1]) + tonumber(time[2]) / 1e6 + tonumber(ARGV[1])
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], 'XX', until_, ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], math.ceil(tonumber(ARGV[1]) * 1000))
return 0
"""

_KINDS = {1: "requests", 2: "tokens", 3: "concurrent requests"}


@dataclass(frozen=True, slots=True)
class Taken:
    """What one admitted request took, and the headers that tell its caller."""

    application: Application
    request: str
    tokens: int  # charged in advance
    headers: tuple[tuple[bytes, bytes], ...]


class Limits:
    """The limits of all applications, as one web process applies them.

    Used by the event loop's thread only.
    """

    def __init__(self, redis: Any) -> None:
        self._redis = redis
        self._take = redis.register_script(_TAKE)
        self._settle = redis.register_script(_SETTLE)
        self._renew = redis.register_script(_RENEW)
        self._open: dict[str, set[str]] = {}
        self._renewing: asyncio.Task[None] | None = None
        self._settling: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def take(self, application: Application, request: str, tokens: int) -> Taken:
        """Count one request that may need `tokens`; raises `APIError` (429, 503).

        A refused request takes nothing.
        """
        limits = (
            application.requests_per_minute,
            application.tokens_per_minute,
            application.concurrent_requests,
        )
        if not any(limits):
            return Taken(application, request, 0, ())
        requests, budget, slots = _keys(application.id)
        charged = min(tokens, limits[1])
        try:
            answer = await self._call(
                self._take,
                [requests, budget, slots],
                [request, SLOT_LIFETIME, charged, *limits],
            )
        except (RedisError, OSError, TimeoutError) as error:
            raise unavailable(
                "engine_unavailable",
                "The appliance's broker does not answer; try again shortly.",
            ) from error
        verdict, wait = int(answer[0]), float(answer[1])
        headers = _headers(limits, answer)
        if verdict:
            raise limited(
                f"The application {application.name} may send no more {_KINDS[verdict]} now: "
                f"its limit is {limits[verdict - 1]}{'' if verdict == 3 else ' a minute'}.",  # noqa: PLR2004
                kind=_KINDS[verdict].replace(" ", "_"),
                retry_after=wait,
                headers={name.decode(): value.decode() for name, value in headers},
            )
        if limits[2]:
            self._open.setdefault(application.id, set()).add(request)
            if self._renewing is None or self._renewing.done():
                self._renewing = asyncio.create_task(self._keep_slots(), name="limit slots")
        return Taken(application, request, charged, headers)

    def settle(self, taken: Taken, tokens: int) -> None:
        """Free the slot and charge the tokens really used, in the background."""
        application = taken.application
        open_here = self._open.get(application.id)
        if open_here is not None:
            open_here.discard(taken.request)
            if not open_here:
                del self._open[application.id]
        owed = tokens - taken.tokens if application.tokens_per_minute else 0
        if owed or application.concurrent_requests:
            task = asyncio.create_task(self._settled(taken, owed))
            self._settling.add(task)
            task.add_done_callback(self._settling.discard)

    async def stop(self) -> None:
        """Finish what is being settled; stop renewing slots."""
        self._stopping = True  # the client may swallow the cancellation when a reply comes
        if self._settling:
            await asyncio.wait(self._settling)
        if self._renewing is not None:
            self._renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._renewing

    async def _settled(self, taken: Taken, owed: int) -> None:
        _, budget, slots = _keys(taken.application.id)
        arguments = [taken.request, owed, taken.application.tokens_per_minute]
        try:
            await self._call(self._settle, [budget, slots], arguments)
        except (RedisError, OSError, TimeoutError) as error:
            # The slot lapses by itself; the bucket refills by itself.
            log.warning("limits_unsettled", error=type(error).__name__)

    async def _keep_slots(self) -> None:
        while self._open and not self._stopping:
            await asyncio.sleep(RENEW_INTERVAL)
            for application, requests in list(self._open.items()):
                try:
                    await self._call(
                        self._renew, [_keys(application)[2]], [SLOT_LIFETIME, *requests]
                    )
                except (RedisError, OSError, TimeoutError) as error:
                    log.warning("limits_unrenewed", error=type(error).__name__)

    async def _call(self, script: Any, keys: list[str], arguments: list[Any]) -> list[Any]:
        """Run a script by its digest; load it where the broker has forgotten it."""
        try:
            call = self._redis.evalsha(script.sha, len(keys), *keys, *arguments)
            return await cast("Awaitable[list[Any]]", call)
        except NoScriptError:
            call = self._redis.eval(script.script, len(keys), *keys, *arguments)
            return await cast("Awaitable[list[Any]]", call)


def _keys(application: str) -> tuple[str, str, str]:
    """The braces put an application's keys on one shard."""
    start = f"limit:{{{application}}}:"
    return f"{start}requests", f"{start}tokens", f"{start}open"


def _headers(
    limits: tuple[int, int, int], answer: list[Any]
) -> tuple[tuple[bytes, bytes], ...]:
    """The headers that OpenAI's clients know."""
    headers: list[tuple[bytes, bytes]] = []
    for limit, name, remaining, reset in (
        (limits[0], b"requests", answer[2], answer[3]),
        (limits[1], b"tokens", answer[4], answer[5]),
    ):
        if limit:
            headers += [
                (b"x-ratelimit-limit-" + name, b"%d" % limit),
                (b"x-ratelimit-remaining-" + name, b"%d" % int(remaining)),
                (b"x-ratelimit-reset-" + name, f"{float(reset):.3f}s".encode()),
            ]
    return tuple(headers)
