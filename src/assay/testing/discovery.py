"""Every implementation of an interface, found by walking the package: no class can be forgotten."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

__all__ = ["discover"]


def discover(interface: type, package: str = "assay") -> list[type]:
    """The concrete classes of a package that implement an interface, by name.

    Use it to parametrise a conformance suite, so that a new class without a row there fails a test.

    Arguments:
        interface: the abstract class.
        package: the name of an importable package; every module in it is imported, optional dependencies included.

    Example:
        >>> from assay.store.abstract import AbstractStore
        >>> [store.__name__ for store in discover(AbstractStore, "assay.store")]
        ['MemoryStore', 'SqlStore']
    """
    found: dict[str, type] = {}
    root = importlib.import_module(package)
    modules = [package]
    modules += [entry.name for entry in pkgutil.walk_packages(root.__path__, f"{package}.")]
    for name in modules:
        if name.endswith("__main__"):
            continue
        for entry in vars(importlib.import_module(name)).values():
            is_ours = inspect.isclass(entry) and entry.__module__ == name
            if is_ours and issubclass(entry, interface) and not inspect.isabstract(entry):
                found[f"{name}.{entry.__qualname__}"] = entry
    return [found[name] for name in sorted(found)]
