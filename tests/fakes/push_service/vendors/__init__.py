"""The push services of the world, one module each: endpoints, rules and words of their own."""

import re
from collections.abc import Mapping

from tests.fakes.push_service.answers import Vendor
from tests.fakes.push_service.vendors import apple, fcm, mozilla, unifiedpush, wns

TOKEN = "[A-Za-z0-9_-]{32}"
VENDORS: Mapping[str, Vendor] = {
    "mozilla": mozilla,
    "fcm": fcm,
    "apple": apple,
    "wns": wns,
    "unifiedpush": unifiedpush,
}
_TARGETS = {
    name: re.compile(re.escape(vendor.TARGET).replace(r"\{token\}", f"({TOKEN})"))
    for name, vendor in VENDORS.items()
}


def endpoint_in(target: str) -> tuple[Vendor, str] | None:
    """Whose endpoint this path with its query is, and its token. None: nobody's."""
    for name, pattern in _TARGETS.items():
        match = pattern.fullmatch(target)
        if match is not None:
            return VENDORS[name], match[1]
    return None
