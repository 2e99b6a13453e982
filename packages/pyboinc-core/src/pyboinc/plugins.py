"""Finding plugins, and the plugin manager of one run: all extensions and exactly one backend."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from . import hookspecs
from .errors import PyBoincError
from .model import nearest

GROUP = "pyboinc"
BACKEND_HOOKS = ("pyboinc_start_batch", "pyboinc_submit_jobs", "pyboinc_wait")  # without them a run could not end
PROVIDERS = {"local": "pyboinc-local", "boinc": "pyboinc-boinc"}


class PluginError(PyBoincError):
    """A backend is missing or broken."""


@dataclass(frozen=True)
class Plugin:
    """An installed plugin. module (object | None): what its entry point names; None if it is broken.

    cause (str): why it is broken, empty if it is not.
    """

    name: str
    distribution: str
    version: str
    module: Any = field(default=None, repr=False)
    cause: str = ""

    @property
    def hooks(self) -> list[str]:
        """The hooks that it implements."""
        return [name for name in vars(hookspecs) if name.startswith("pyboinc_") and hasattr(self.module, name)]

    @property
    def is_backend(self) -> bool:
        return "pyboinc_start_batch" in self.hooks

    @property
    def state(self) -> str:
        return f"broken: {self.cause}" if self.cause else "backend" if self.is_backend else "extension"

    def make(self) -> Any:
        """What a run registers: an instance of its own if the plugin is a class."""
        return self.module() if isinstance(self.module, type) else self.module


def installed() -> list[Plugin]:
    """All plugins, by name; one that can't be loaded says why."""
    found: dict[str, Plugin] = {}
    for entry in entry_points(group=GROUP):
        plugin = _load(entry)
        if taken := found.get(plugin.name):
            cause = f"{taken.distribution} {taken.version} has a plugin of the same name"
            plugin = replace(plugin, name=f"{plugin.name} ({plugin.distribution})", module=None, cause=cause)
        found[plugin.name] = plugin
    return sorted(found.values(), key=lambda plugin: plugin.name)


def _load(entry: EntryPoint) -> Plugin:
    name, version = (entry.dist.name, entry.dist.version) if entry.dist else ("", "")
    try:
        plugin = Plugin(entry.name, name, version, entry.load())
        _check(plugin)
    except (Exception, SystemExit) as error:  # whatever a stranger's module does when it is imported
        return Plugin(entry.name, name, version, cause=f"{type(error).__name__}: {error}")
    return plugin


def _check(plugin: Plugin) -> None:
    """Raises what is wrong with it: PluginError, pluggy's errors, those of its constructor."""
    manager = manager_of([plugin])
    marked = {caller.name for caller in manager.get_hookcallers(manager.get_plugin(plugin.name)) or []}
    for hook in plugin.hooks:
        if hook not in marked:
            raise PluginError(f"{hook} is not marked with @pyboinc.hookspecs.hookimpl")
    if plugin.is_backend:
        for hook in BACKEND_HOOKS:
            if hook not in marked:
                raise PluginError(f"a backend must implement {hook}")


def manager_of(plugins: list[Plugin]) -> pluggy.PluginManager:
    """A plugin manager with just these."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    for plugin in plugins:
        manager.register(plugin.make(), plugin.name)
    manager.check_pending()
    return manager


def for_run(backend: str) -> tuple[pluggy.PluginManager, list[Plugin]]:
    """The plugin manager of one run, and the broken extensions, which the caller should name.

    Raises PluginError if the backend is not installed or broken.
    """
    found = installed()
    backends = {plugin.name: plugin for plugin in found if plugin.is_backend or plugin.cause}
    chosen = backends.get(backend)
    if chosen is None:
        names = [name for name, plugin in backends.items() if not plugin.cause]
        for plugin in found:
            if plugin.name == backend:
                here = f"{plugin.distribution} {plugin.version} is installed, but this version of it runs no jobs"
                raise PluginError(f"no backend is called {backend!r}: {here}{nearest(backend, names, 'installed are')}")
        if backend in PROVIDERS:
            raise PluginError(f"the backend {backend!r} is not installed. Install it:  pip install {PROVIDERS[backend]}")
        raise PluginError(f"no backend is called {backend!r}{nearest(backend, names, 'installed are')}")
    if chosen.cause:
        raise PluginError(f"the backend {backend!r} ({chosen.distribution} {chosen.version}) is broken: {chosen.cause}")
    extensions = [plugin for plugin in found if not plugin.is_backend and not plugin.cause]
    return manager_of([chosen, *extensions]), [plugin for plugin in found if plugin.cause]


def for_commands() -> tuple[pluggy.PluginManager, list[Plugin]]:
    """A plugin manager with every working plugin, for the command line, and the broken ones."""
    found = installed()
    return manager_of([plugin for plugin in found if not plugin.cause]), [plugin for plugin in found if plugin.cause]
