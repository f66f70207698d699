"""Helpers for the suite: the SDK connected to the simulator, verdicts as JSON lines on stdout, and a member-by-member
comparison of what the SDK decoded with the response itself."""

import contextlib
import dataclasses
import json
import os
import traceback
import typing
import urllib.request
from datetime import datetime, timedelta, timezone

from metorial import Metorial
from metorial.exceptions import MetorialAPIError

URL = os.environ["CONTRACT_URL"]
KEY = os.environ["CONTRACT_KEY"]
VERSION = "2026-01-01-magnetar"

_limits = set()


def client(key=KEY):
    """Creates the SDK as an application does: the host is an argument."""
    return Metorial(api_key=key, api_host=URL)


def _request(method, path, body=None, **headers):
    headers = {"User-Agent": "contract", "Content-Type": "application/json", **headers}
    if body is None:
        del headers["Content-Type"]
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def raw(path):
    """Returns the response without the SDK."""
    return _request("GET", path, Authorization=f"Bearer {KEY}", **{"Metorial-Version": VERSION})


def write_only(id):
    """Returns what the simulator stores of an object in addition to what it returns."""
    for instance in _request("GET", "/_simulator/state?reveal=1")["instances"]:
        for objects in filter(lambda value: isinstance(value, list), instance.values()):
            for known in objects:
                if known["readable"]["id"] == id:
                    return known["write_only"]
    raise AssertionError(f"{id} is not there")


def last_query():
    """Returns the query string of the SDK's last request."""
    entries = _request("GET", "/_simulator/journal")
    return [entry["query"] for entry in entries if entry["user_agent"] != "contract"][-1]


@contextlib.contextmanager
def quirk(name, on):
    """Runs the block with a quirk of the simulator switched on or off."""
    _request("POST", "/_simulator/quirk", {"name": name, "on": on})
    try:
        yield
    finally:
        _request("POST", "/_simulator/quirk", {"name": name, "on": not on})


def _report(**verdict):
    print(json.dumps(verdict), flush=True)


def call(row):
    """Runs the decorated function now. It makes a call that this project uses, and raises if the SDK does not support it."""

    def run(body):
        _limits.clear()
        try:
            body()
        except Exception:
            _report(row=row, outcome="failed", detail=traceback.format_exc())
            return
        _report(row=row, outcome="ok")
        for id in sorted(_limits):
            _report(row=row, outcome="limit", id=id)

    return run


def limit(id, *rows):
    """Runs the decorated function now. It demonstrates a limitation of the SDK, and raises if the limitation does not show."""

    def run(body):
        try:
            body()
        except Exception:
            _report(row=rows[0], outcome="failed", detail=f"{id} doesn't show: {traceback.format_exc()}")
            return
        for row in rows:
            _report(row=row, outcome="limit", id=id)

    return run


def _is_optional(hint):
    return type(None) in typing.get_args(hint)


def _check(decoded, answer, hint, path):
    if dataclasses.is_dataclass(decoded):
        hints = typing.get_type_hints(type(decoded))
        names = {field.name for field in dataclasses.fields(decoded)}
        # The SDK drops the type of a list, and of nothing else.
        dropped = set(answer) - names - ({"object"} if "pagination" in names else set())
        assert not dropped, f"{path}: {dropped} dropped"
        for name in names:
            _check(getattr(decoded, name), answer.get(name), hints[name], f"{path}.{name}")
    elif isinstance(decoded, list) and answer is not None:
        assert len(decoded) == len(answer), path
        for index, (item, of) in enumerate(zip(decoded, answer, strict=True)):
            _check(item, of, None, f"{path}[{index}]")
    elif isinstance(decoded, datetime):
        assert decoded == datetime.fromisoformat(answer.replace("Z", "+00:00")), path
    elif answer is None:
        assert decoded in (None, []), f"{path}: {decoded!r} made up"
        if decoded is None and hint is not None and not _is_optional(hint):
            # Imports recorded by a create have no note. Every other member that the SDK requires must be present.
            assert path.endswith(".note"), f"{path}: required by the SDK, and null or absent"
            _limits.add("P7")
    else:
        assert decoded == answer, path
        assert hint is not datetime, f"{path}: a time that isn't one"


def same(decoded, answer):
    """Checks that the SDK decoded exactly this response, and returns the decoded object."""
    assert dataclasses.is_dataclass(decoded), decoded
    _check(decoded, answer, None, type(decoded).__name__)
    return decoded


def is_recent(time):
    """Checks that a time is a date with a plausible value."""
    assert isinstance(time, datetime)
    assert abs(datetime.now(timezone.utc) - time) < timedelta(hours=1), time


def refusal(body):
    """Returns the SDK's error for a call that must be refused."""
    try:
        body()
    except MetorialAPIError as error:
        return error
    raise AssertionError("the call was not refused")
