"""What pytest loads where we are installed: the plugin, unless another package has replaced it.

The package `mockserver-client` has a plugin `mockserver` in a file of the same name as ours. So the entry point has a
name and a file of its own, and registers our plugin under the name that people disable: `-p no:mockserver`.
"""

import pytest

from mockserver.settings.name_conflict import describe_conflict, is_replaced


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the plugin, if it is ours and not registered yet."""
    if is_replaced():
        return
    from mockserver import pytest_plugin

    if not pluginmanager.is_registered(pytest_plugin):
        pluginmanager.register(pytest_plugin, "mockserver")


def pytest_configure(config: pytest.Config) -> None:
    """Warn of the other package."""
    if sentence := describe_conflict():
        config.issue_config_time_warning(pytest.PytestConfigWarning(sentence), stacklevel=2)
