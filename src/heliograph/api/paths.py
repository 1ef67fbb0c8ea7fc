"""Parts of paths that Starlette has no word for."""

from starlette.convertors import Convertor, register_url_convertor

from heliograph.model.device import Platform


class _PlatformConvertor(Convertor[str]):
    regex = "|".join(Platform)

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


class _RestConvertor(_PlatformConvertor):
    regex = r"[\s\S]*"


register_url_convertor("platform", _PlatformConvertor())
register_url_convertor("rest", _RestConvertor())

PLATFORM = "{platform:platform}"
"""One of the platforms' names."""


def rest(name: str) -> str:
    """All that is left of the path, whatever it holds; it may be empty."""
    return f"{{{name}:rest}}"
