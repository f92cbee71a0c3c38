"""Threads in which client libraries call Google on their own: what they ask is no part of what the test does.

They come at any time, beside the calls of the code under test. So they are answered, but not recorded, and no fault is
injected. They cannot be told apart on a socket.
"""

import threading

_MODULES = frozenset(
    {
        # Since google-cloud-storage 3.17, a client gets each bucket that it uses, once, for its traces; and when the
        # bucket is not found later, it gets it again.
        "google.cloud.storage._bucket_metadata_cache",
    }
)
"""The modules whose functions these threads run."""


def is_library_thread() -> bool:
    """Return whether the current thread is one that a library has started for itself."""
    target = getattr(threading.current_thread(), "_target", None)
    return getattr(target, "__module__", "") in _MODULES
